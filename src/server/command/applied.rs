use std::fmt;

/// What came of setting something in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is set.
    Set(String),
    /// There is no need.
    Nothing(String),
    /// A person has to do it.
    ByHand(String),
}

impl Applied {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        !matches!(self, Self::ByHand(_))
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(text) | Self::Nothing(text) | Self::ByHand(text) => writeln!(formatter, "{}", text.trim_end()),
        }
    }
}
