//! The contract, handed to the folds.

use core::convert::Infallible;

use bytemuck::Pod;
use enfold_core::{Backend, Element, Epoch, Graph, Nearest, Pairs, Rows, Sums};

use crate::Cpu;
use crate::accumulate::{self, Input, Output};
use crate::folds;
use crate::isa::{Isa, Native};
use crate::sums::Total;
use crate::threads;

/// A trait that cannot be named outside: functions and arguments are those of [`Backend`].
mod kernels {
    use super::{Epoch, Graph, Input, Isa, Nearest, Output, Pairs, Rows, Total};

    /// The kernels of an element, compiled here once and not in every crate that uses them.
    #[allow(unreachable_pub, reason = "a supertrait that is not to be named outside")]
    pub trait Kernels: Sized {
        fn distances(isa: Isa, pairs: &Pairs<'_, [Self]>, out: &mut [Self]);
        fn nearest(isa: Isa, pairs: &Pairs<'_, [Self]>, best: Nearest<'_, [Self], [u32]>);
        fn count_within(
            isa: Isa,
            pairs: &Pairs<'_, [Self]>,
            radii: &[Self],
            k: usize,
            counts: &mut [u32],
        );
        fn lowest_within(
            isa: Isa,
            pairs: &Pairs<'_, [Self]>,
            radius: Self,
            values: &[u32],
            lowest: &mut [u32],
        );
        fn join_within(
            isa: Isa,
            pairs: &Pairs<'_, [Self]>,
            radius: Self,
            member: &[u32],
            parent: &mut [u32],
        );
        fn sum_by_label(
            isa: Isa,
            pairs: &Pairs<'_, [Self]>,
            labels: &[u32],
            k: usize,
            sums: &mut [Self],
        );
        fn accumulate(isa: Isa, input: Input<'_, Self>, into: Output<'_>);
        fn sums(isa: Isa, total: Total<'_, Self>);
        #[cfg(feature = "std")]
        fn layout(
            isa: Isa,
            graph: &Graph<'_, [Self], [u32]>,
            epoch: Epoch,
            from: Rows<'_, [Self]>,
            to: &mut [Self],
        );
    }
}

use kernels::Kernels;

/// Elements that this crate has kernels for: `f32` and `f64`.
pub trait Folds: Element + Kernels {}

macro_rules! kernels {
    ($element:ty) => {
        impl Folds for $element {}

        impl Kernels for $element {
            fn distances(isa: Isa, pairs: &Pairs<'_, [Self]>, out: &mut [Self]) {
                folds::labels::distances(isa, pairs, out);
            }

            fn nearest(isa: Isa, pairs: &Pairs<'_, [Self]>, best: Nearest<'_, [Self], [u32]>) {
                folds::nearest::nearest(isa, pairs, best);
            }

            fn count_within(
                isa: Isa,
                pairs: &Pairs<'_, [Self]>,
                radii: &[Self],
                k: usize,
                counts: &mut [u32],
            ) {
                folds::within::count(isa, pairs, radii, k, counts);
            }

            fn lowest_within(
                isa: Isa,
                pairs: &Pairs<'_, [Self]>,
                radius: Self,
                values: &[u32],
                lowest: &mut [u32],
            ) {
                folds::within::lowest(isa, pairs, radius, values, lowest);
            }

            fn join_within(
                isa: Isa,
                pairs: &Pairs<'_, [Self]>,
                radius: Self,
                member: &[u32],
                parent: &mut [u32],
            ) {
                folds::within::join(isa, pairs, radius, member, parent);
            }

            fn sum_by_label(
                isa: Isa,
                pairs: &Pairs<'_, [Self]>,
                labels: &[u32],
                k: usize,
                sums: &mut [Self],
            ) {
                folds::labels::sum(isa, pairs, labels, k, sums);
            }

            fn accumulate(isa: Isa, input: Input<'_, Self>, into: Output<'_>) {
                accumulate::accumulate(isa, input, into);
            }

            fn sums(isa: Isa, total: Total<'_, Self>) {
                Self::enter(isa, total);
            }

            #[cfg(feature = "std")]
            fn layout(
                isa: Isa,
                graph: &Graph<'_, [Self], [u32]>,
                epoch: Epoch,
                from: Rows<'_, [Self]>,
                to: &mut [Self],
            ) {
                crate::layout::layout(isa, graph, epoch, from, to);
            }
        }
    };
}

kernels!(f32);
kernels!(f64);

impl<T: Folds> Backend for Cpu<T> {
    type Elem = T;
    type Error = Infallible;
    type Buf<U: Pod> = [U];

    fn len<U: Pod>(buf: &[U]) -> usize {
        buf.len()
    }

    fn write<U: Pod>(&self, dst: &mut [U], at: usize, src: &[U]) -> Result<(), Infallible> {
        threads::copy(src, &mut dst[at..at + src.len()]);
        Ok(())
    }

    fn read<U: Pod>(&self, src: &[U], at: usize, dst: &mut [U]) -> Result<(), Infallible> {
        threads::copy(&src[at..at + dst.len()], dst);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, [T]>, out: &mut [T]) -> Result<(), Infallible> {
        T::distances(self.isa(), &pairs, out);
        Ok(())
    }

    fn nearest(
        &self,
        pairs: Pairs<'_, [T]>,
        best: Nearest<'_, [T], [u32]>,
    ) -> Result<(), Infallible> {
        T::nearest(self.isa(), &pairs, best);
        Ok(())
    }

    fn count_within(
        &self,
        pairs: Pairs<'_, [T]>,
        radii: &[T],
        k: usize,
        counts: &mut [u32],
    ) -> Result<(), Infallible> {
        T::count_within(self.isa(), &pairs, radii, k, counts);
        Ok(())
    }

    fn lowest_within(
        &self,
        pairs: Pairs<'_, [T]>,
        radius: T,
        values: &[u32],
        lowest: &mut [u32],
    ) -> Result<(), Infallible> {
        T::lowest_within(self.isa(), &pairs, radius, values, lowest);
        Ok(())
    }

    fn join_within(
        &self,
        pairs: Pairs<'_, [T]>,
        radius: T,
        member: &[u32],
        parent: &mut [u32],
    ) -> Result<(), Infallible> {
        T::join_within(self.isa(), &pairs, radius, member, parent);
        Ok(())
    }

    fn sum_by_label(
        &self,
        pairs: Pairs<'_, [T]>,
        labels: &[u32],
        k: usize,
        sums: &mut [T],
    ) -> Result<(), Infallible> {
        T::sum_by_label(self.isa(), &pairs, labels, k, sums);
        Ok(())
    }

    fn accumulate(
        &self,
        x: Rows<'_, [T]>,
        labels: &[u32],
        weights: Option<&[T]>,
        origins: Rows<'_, [T]>,
        scale: T,
        into: Sums<'_, Self>,
    ) -> Result<(), Infallible> {
        let Sums { offsets, mass, scatter } = into;
        let input = Input { x, labels, weights, origins, scale };
        T::accumulate(self.isa(), input, Output { offsets, mass, scatter });
        Ok(())
    }

    #[cfg(feature = "std")]
    fn layout(
        &self,
        graph: Graph<'_, [T], [u32]>,
        epoch: Epoch,
        from: Rows<'_, [T]>,
        to: &mut [T],
    ) -> Result<(), Infallible> {
        if from.dim() > enfold_core::host::layout::MAX_DIM {
            return enfold_core::host::layout::layout(self, graph, epoch, from, to);
        }
        T::layout(self.isa(), &graph, epoch, from, to);
        Ok(())
    }

    fn sums(
        &self,
        values: &[T],
        weights: Option<&[T]>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Result<(), Infallible> {
        let (values, weights) = (&values[..len], weights.map(|weights| &weights[..len]));
        T::sums(self.isa(), Total { values, weights, chunk, out });
        Ok(())
    }

    fn copy(
        &self,
        src: &[T],
        from: usize,
        dst: &mut [T],
        to: usize,
        len: usize,
    ) -> Result<(), Infallible> {
        dst[to..to + len].copy_from_slice(&src[from..from + len]);
        Ok(())
    }

    fn fill<U: Pod>(&self, dst: &mut [U], value: U) -> Result<(), Infallible> {
        dst.fill(value);
        Ok(())
    }

    fn each<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
        threads::each(jobs, work);
    }

    fn each_with<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(&Self, J) + Sync) {
        threads::each(jobs, |job| work(self, job));
    }
}

#[cfg(feature = "std")]
impl<T: Folds> enfold_core::Alloc for Cpu<T> {
    type Owned<U: Pod> = Vec<U>;

    fn alloc<U: Pod>(&self, len: usize) -> Result<Vec<U>, Infallible> {
        Ok(vec![U::zeroed(); len])
    }
}
