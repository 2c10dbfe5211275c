//! Lists the adapters of this machine, one a line: place, name, kind, interface, driver, and
//! whether its distances have the bits of the CPU's.

use enfold_wgpu::{Options, Wgpu};

fn main() {
    for adapter in Wgpu::adapters() {
        let exact = match Options::new().index(adapter.index).open().and_then(|gpu| gpu.is_exact())
        {
            Ok(true) => "exact".to_owned(),
            Ok(false) => "other arithmetic".to_owned(),
            Err(e) => e.to_string(),
        };
        let (index, kind, interface) = (adapter.index, adapter.kind, adapter.interface);
        println!("{index}\t{}\t{kind:?}\t{interface}\t{}\t{exact}", adapter.name, adapter.driver);
    }
}
