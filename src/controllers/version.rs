//! Resource versions, and which of two is the older one.

use std::fmt;

/// A resource version. Kubernetes orders them as decimal numbers of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version(Box<str>);

impl Version {
    pub(super) fn new(version: &str) -> Self {
        Self(version.into())
    }

    /// Whether it is certainly older. Of what is no number nobody knows.
    pub(super) fn is_behind(&self, other: &Self) -> bool {
        let is_number =
            |version: &Self| !version.0.is_empty() && version.0.bytes().all(|digit| digit.is_ascii_digit());
        is_number(self) && is_number(other) && (self.0.len(), &self.0) < (other.0.len(), &other.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_numbers_of_any_length() {
        let long = "98765432109876543210987654321";
        let table = [
            ("9", "10", true),
            ("10", "9", false),
            ("10", "10", false),
            ("10", long, true),
            ("a", "b", false),
            ("", "1", false),
        ];
        for (older, newer, expected) in table {
            assert_eq!(Version::new(older).is_behind(&Version::new(newer)), expected, "{older} {newer}");
        }
    }
}
