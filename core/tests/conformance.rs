//! The contract suffices: the provided bodies keep its laws on a backend of four functions, on a
//! device whose memory nobody sees, and through a decorator that counts.
#![cfg(feature = "conformance")]

mod bare {
    use enfold_core::conformance::decorators::Bare;
    use enfold_cpu::Cpu;

    enfold_core::conformance!(ieee || Some(Bare(Cpu::<f32>::new())));
}

mod traced {
    use enfold_core::conformance::decorators::Traced;
    use enfold_cpu::Cpu;

    enfold_core::conformance!(ieee || Some(Traced::new(Cpu::<f32>::new())));
}

mod opaque {
    use enfold_core::conformance::decorators::Opaque;

    enfold_core::conformance!(ieee || Some(Opaque::<f32>::new()));
}

mod double {
    use enfold_core::conformance::decorators::Bare;
    use enfold_cpu::Cpu;

    enfold_core::conformance!(ieee || Some(Bare(Cpu::<f64>::new())));
}

mod sharded {
    use enfold_core::Sharded;
    use enfold_cpu::Cpu;

    enfold_core::conformance!(ieee || Some(Sharded::new(Cpu::<f32>::new(), [Cpu::new(); 2])));
}

mod sharded_unseen {
    use enfold_core::Sharded;
    use enfold_core::conformance::decorators::Opaque;

    enfold_core::conformance!(ieee || Some(Sharded::new(Opaque::<f32>::new(), [Opaque::new()])));
}
