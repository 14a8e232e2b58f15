use std::ops::Range;

use thiserror::Error;

use super::{PartNumber, human_size};

/// The most bytes of one request, whether it carries a file or a part.
pub const MAX_REQUEST_SIZE: u64 = 5 << 30;

/// The most bytes of an object: 48.8 TiB.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MAX_OBJECT_SIZE: u64 = MAX_PARTS * MAX_REQUEST_SIZE;

const MAX_PARTS: u64 = PartNumber::MAX as u64;

/// The least bytes of a part that others follow.
pub const MIN_PART_SIZE: u64 = 5 << 20;

const MIN_CHUNK_SIZE: u64 = 8 << 20;

const MIB: u64 = 1 << 20;

const CHUNK_STEP: u64 = 64 << 10;

/// How a file is cut into parts: all of one size but the last, as Cloudflare R2 demands.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPlan {
    size: u64,
    part_size: u64,
}

/// Why S3 would not take a file in such parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PartPlanError {
    /// Larger than any object.
    #[error("an object has at most {}, this file has {}", human_size(MAX_OBJECT_SIZE), human_size(*.0))]
    FileTooLarge(u64),
    /// Below what S3 takes of a part that others follow.
    #[error("a part has at least {}, these would have {}", human_size(MIN_PART_SIZE), human_size(*.0))]
    PartTooSmall(u64),
    /// More than S3 takes in one request.
    #[error("a part has at most {}, these would have {}", human_size(MAX_REQUEST_SIZE), human_size(*.0))]
    PartTooLarge(u64),
    /// Past the highest part number.
    #[error("an object has at most {MAX_PARTS} parts, this one would have {0}")]
    TooManyParts(u64),
}

impl PartPlan {
    /// A file of `size` bytes in parts of `part_size`. An empty file is one empty part.
    ///
    /// # Errors
    ///
    /// If S3 would refuse it.
    pub fn new(size: u64, part_size: u64) -> Result<Self, PartPlanError> {
        let is_single = part_size > 0 && size <= part_size;
        if size > MAX_OBJECT_SIZE {
            return Err(PartPlanError::FileTooLarge(size));
        }
        if part_size > MAX_REQUEST_SIZE {
            return Err(PartPlanError::PartTooLarge(part_size));
        }
        if part_size < MIN_PART_SIZE && !is_single {
            return Err(PartPlanError::PartTooSmall(part_size));
        }
        match size.div_ceil(part_size) {
            0..=MAX_PARTS => Ok(Self { size, part_size }),
            parts => Err(PartPlanError::TooManyParts(parts)),
        }
    }

    /// The file's bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of every part but the last.
    #[must_use]
    pub fn part_size(&self) -> u64 {
        self.part_size
    }

    /// How many parts there are: at least 1.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it does not")]
    pub fn parts(&self) -> u16 {
        let parts = self.size.div_ceil(self.part_size).max(1);
        u16::try_from(parts).expect("`new` has checked that there are at most 10,000")
    }

    /// Where in the file a part's bytes are; `None` for a part that the file does not have.
    #[must_use]
    pub fn range(&self, part: PartNumber) -> Option<Range<u64>> {
        let start = u64::from(part.get() - 1) * self.part_size;
        (part.get() <= self.parts()).then(|| start..self.size.min(start + self.part_size))
    }

    /// All part numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = PartNumber> + use<> {
        (1..=self.parts()).filter_map(|number| PartNumber::try_from(number).ok())
    }
}

/// The part size for a file of `size` bytes: 8 MiB, or as much more as 10,000 parts need, in whole MiB.
///
/// From 100 MiB to 1 GiB it is nearer to 10 MiB, for a number of parts that six is a divisor of: where all go at the same
/// pace, six at a time, no last part then has the line to itself. Between two sixes such a line is idle for two round trips,
/// so there are fewer of them.
#[must_use]
pub fn chunk_size(size: u64) -> u64 {
    let chunk_size = size.div_ceil(MAX_PARTS).max(MIN_CHUNK_SIZE).div_ceil(MIB) * MIB;
    match size.div_ceil(chunk_size) {
        13..=128 => size.div_ceil((size.div_ceil(10 * MIB) + 2) / 6 * 6).next_multiple_of(CHUNK_STEP),
        _ => chunk_size,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s3s_rules_are_kept() {
        let max = MAX_OBJECT_SIZE;
        for (size, part_size, expected) in [
            (10 * MIB, 5 * MIB, Ok(2)),
            (0, 8 * MIB, Ok(1)),
            (3, 3, Ok(1)),
            (max, MAX_REQUEST_SIZE, Ok(10_000)),
            (max + 1, MAX_REQUEST_SIZE, Err(PartPlanError::FileTooLarge(max + 1))),
            (u64::MAX, u64::MAX, Err(PartPlanError::FileTooLarge(u64::MAX))),
            (max, 5 * MIB, Err(PartPlanError::TooManyParts(10_240_000))),
            (10_000 * 8 * MIB + 1, 8 * MIB, Err(PartPlanError::TooManyParts(10_001))),
            (6 * MIB, 5 * MIB - 1, Err(PartPlanError::PartTooSmall(5 * MIB - 1))),
            (0, 0, Err(PartPlanError::PartTooSmall(0))),
            (1, MAX_REQUEST_SIZE + 1, Err(PartPlanError::PartTooLarge(MAX_REQUEST_SIZE + 1))),
        ] {
            let plan = PartPlan::new(size, part_size);
            assert_eq!(plan.map(|plan| plan.parts()), expected, "{size} in {part_size}");
        }
    }

    #[test]
    fn chunks_grow_in_whole_mebibytes_so_that_ten_thousand_are_enough() {
        let sizes = [0, 80_000 * MIB, 80_000 * MIB + 1, MAX_OBJECT_SIZE].map(chunk_size);
        assert_eq!(sizes, [8 * MIB, 8 * MIB, 9 * MIB, MAX_REQUEST_SIZE]);
    }

    #[test]
    fn parts_of_middle_sized_files_come_in_sixes() {
        for mib in 97..=1_024 {
            let size = mib * MIB + 1;
            let plan = PartPlan::new(size, chunk_size(size)).expect("such parts are allowed");
            let parts = plan.parts();
            assert!(parts.is_multiple_of(6) || size > 1_024 * MIB, "{mib} MiB and a byte in {parts}");
            assert!((8 * MIB..=13 * MIB).contains(&plan.part_size()), "{mib} MiB in parts of {}", plan.part_size());
        }
    }

    proptest! {
        #[test]
        fn parts_tile_every_file_exactly(size in 0..=MAX_OBJECT_SIZE, more in 0..MAX_REQUEST_SIZE) {
            for part_size in [chunk_size(size), (chunk_size(size) + more).min(MAX_REQUEST_SIZE)] {
                let plan = PartPlan::new(size, part_size).expect("such parts are allowed");
                let mut end = 0;
                for number in plan.numbers() {
                    let range = plan.range(number).expect("the file has this part");
                    prop_assert_eq!(range.start, end);
                    prop_assert!(range.end == size || range.end - range.start == part_size);
                    end = range.end;
                }
                prop_assert_eq!(end, size);
                let next = PartNumber::try_from(plan.parts() + 1).ok();
                prop_assert_eq!(next.and_then(|next| plan.range(next)), None);
            }
        }
    }
}
