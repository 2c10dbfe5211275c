// Runs the story in node and prints the CRC-32 of both states.
import { readFile } from "node:fs/promises";

const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), {});
const hex = (word) => (word >>> 0).toString(16).padStart(8, "0");
const [float, fixed] = [instance.exports.float(), instance.exports.fixed()];
console.log(`wasm: state f32 ${hex(float)}, q15 ${hex(fixed)}`);
process.exit(float !== 0 && fixed !== 0 ? 0 : 1);
