//! Turns a recorded experiment (SKAB's CSV) into a trace for the demo, and tells what a device must
//! say of it: `recorded experiment.csv trace.bin`, then `ENFOLD_TRACE=trace.bin cargo build …`.

use std::error::Error;
use std::{env, fs};

use enfold_story::{Device, recorded};

fn main() -> Result<(), Box<dyn Error>> {
    let [from, to]: [String; 2] = env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "experiment.csv trace.bin")?;
    let mut trace = Vec::new();
    for line in fs::read_to_string(from)?.lines().skip(1) {
        for cell in line.split(';').skip(1).take(8) {
            trace.extend(cell.parse::<f32>()?.to_le_bytes());
        }
    }
    fs::write(to, &trace)?;
    let (alarms, during) = recorded(&mut Device::<f32>::new(), &trace);
    println!("recorded f32: {alarms} samples with an alarm, {during:08x}");
    let (alarms, during) = recorded(&mut Device::<i16>::new(), &trace);
    println!("recorded q15: {alarms} samples with an alarm, {during:08x}");
    Ok(())
}
