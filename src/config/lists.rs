//! What lists may cost.

use super::reader::Reader;

/// Shape and cost of lists.
#[derive(Clone, Debug)]
pub struct Lists {
    /// `ROSTER_LIST_SHARDS`: how many partitions each list index has, 1 to 64. Default 8. Users are filed under their shard when
    /// they are written: with another number, users written before are not all found.
    pub shards: u32,
    /// `ROSTER_LIST_READ_BUDGET`: how many items one page may read before it is returned short, with a cursor, 100 to 100000.
    /// Default 1000: some 100 read capacity units at most.
    pub read_budget: usize,
}

impl Lists {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            shards: u32::try_from(reader.number("ROSTER_LIST_SHARDS", 8, 1..=64)).unwrap_or(8),
            read_budget: reader.number("ROSTER_LIST_READ_BUDGET", 1_000, 100..=100_000),
        }
    }
}
