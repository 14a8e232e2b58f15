use super::{Restriction, Restrictions};
use crate::s3::{FileInfo, is_accepted};

/// What the list holds already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Admitted {
    pub(super) files: usize,
    pub(super) bytes: u64,
}

impl Restrictions {
    /// Whether the list may take `info` as well.
    pub(super) fn check(&self, info: &FileInfo, admitted: Admitted) -> Result<(), Restriction> {
        let size = info.size;
        let total = admitted.bytes.saturating_add(size);
        if let Some(max) = self.max_number_of_files.filter(|max| admitted.files >= *max) {
            return Err(Restriction::TooMany { max });
        }
        let allowed = &self.allowed_file_types;
        if !allowed.is_empty() && !allowed.iter().any(|accept| is_accepted(accept, info)) {
            return Err(Restriction::TypeNotAllowed { allowed: allowed.clone() });
        }
        if let Some(max) = self.max_file_size.filter(|max| size > *max) {
            return Err(Restriction::TooLarge { size, max });
        }
        if let Some(min) = self.min_file_size.filter(|min| size < *min) {
            return Err(Restriction::TooSmall { size, min });
        }
        if let Some(max) = self.max_total_file_size.filter(|max| total > *max) {
            return Err(Restriction::TotalTooLarge { max });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content_type: &str, size: u64) -> FileInfo {
        FileInfo { name: name.into(), size, content_type: content_type.into(), ..FileInfo::default() }
    }

    #[test]
    fn each_restriction_names_its_limit() {
        let restrictions = Restrictions {
            max_file_size: Some(100),
            min_file_size: Some(10),
            max_total_file_size: Some(150),
            max_number_of_files: Some(2),
            allowed_file_types: vec![".txt".into()],
        };
        let none = Admitted::default();
        let check = |name, size, admitted| restrictions.check(&file(name, "", size), admitted);
        let allowed = vec![".txt".to_owned()];
        assert_eq!(check("a.txt", 100, none), Ok(()));
        assert_eq!(check("a.exe", 50, none), Err(Restriction::TypeNotAllowed { allowed }));
        assert_eq!(check("a.txt", 101, none), Err(Restriction::TooLarge { size: 101, max: 100 }));
        assert_eq!(check("a.txt", 10, none), Ok(()));
        assert_eq!(check("a.txt", 9, none), Err(Restriction::TooSmall { size: 9, min: 10 }));
        let one = Admitted { files: 1, bytes: 100 };
        assert_eq!(check("a.txt", 50, one), Ok(()));
        assert_eq!(check("a.txt", 51, one), Err(Restriction::TotalTooLarge { max: 150 }));
        let two = Admitted { files: 2, bytes: 100 };
        assert_eq!(check("a.txt", 50, two), Err(Restriction::TooMany { max: 2 }));
    }
}
