//! The CPU signs the contract, for both kinds of elements.

mod single {
    use enfold_cpu::Cpu;

    enfold_core::conformance!(ieee || Some(Cpu::<f32>::new()));
}

mod double {
    use enfold_cpu::Cpu;

    enfold_core::conformance!(ieee || Some(Cpu::<f64>::new()));
}
