//! What lists may cost.

use super::reader::Reader;

/// Shape and cost of lists.
#[derive(Clone, Debug)]
pub struct Lists {
    /// `ROSTER_LIST_SHARDS`: how many partitions each list index has, 1 to 64. Default 8. Users are filed under their shard when
    /// they are created: with a lower number, users of the shards beyond it are missing from lists; a higher one finds all.
    pub shards: u32,
    /// `ROSTER_LIST_READ_BUDGET`: how many items one page may read before it is returned short, with a cursor, 100 to 100000.
    /// Default 1000: some 100 read capacity units at most. Two of each shard may be read in any case.
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
