//! What an adapter cannot see at once is walked in windows.

use enfold_core::jobs;

/// Rows of a workgroup.
pub(crate) const GROUP: usize = jobs::ROWS;

/// A part of a range of rows, and where a binding of it begins: at a multiple of 64 rows, so that
/// its byte offset suits every adapter whatever the length of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) base: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Window {
    /// Its rows as rectangles name them: from, to.
    pub(crate) fn rows(self) -> (u32, u32) {
        (self.from as u32, self.to as u32)
    }
}

/// Cuts `from..to` into windows of at most `most` rows, counted from their base. None where not
/// even one workgroup's rows fit.
pub(crate) fn windows(from: usize, to: usize, most: u64) -> Option<Vec<Window>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX) / GROUP * GROUP;
    if most == 0 {
        return None;
    }
    let (mut all, mut at) = (Vec::new(), from);
    while at < to {
        let base = at / GROUP * GROUP;
        let end = to.min(base.saturating_add(most));
        all.push(Window { base, from: at, to: end });
        at = end;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_and_begin_at_workgroups() {
        let all = windows(70, 400, 130).expect("128 rows fit");
        let ends: Vec<_> = all.iter().map(|w| (w.base, w.from, w.to)).collect();
        assert_eq!(ends, [(64, 70, 192), (192, 192, 320), (320, 320, 400)]);
        assert_eq!(windows(0, 5, 63), None);
        assert_eq!(windows(5, 5, 64), Some(Vec::new()));
    }
}
