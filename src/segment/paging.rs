//! What is done with the pages of a mapping.

/// What is to be done with the pages of a mapped segment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paging {
    /// Every whole huge page is to be one.
    pub(crate) huge: bool,
    /// All pages are to be in this process's page table.
    pub(crate) prefault: bool,
}
