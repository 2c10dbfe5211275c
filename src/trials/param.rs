//! Parameters: names and plain values, in the order of the names.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::TrialError;

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// A whole number.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// A switch.
    Bool(bool),
    /// Anything else.
    Text(String),
}

impl Display for Param {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            // With a point even where the number is whole, so that kinds can be told apart.
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// `From` for each kind of number, as they stand in lists of a grid.
macro_rules! from {
    ($($kind:ident of $($type:ty),*;)*) => {$($(
        impl From<$type> for Param {
            fn from(value: $type) -> Self {
                Self::$kind(value.into())
            }
        }
    )*)*};
}

from! {
    Int of i32, i64, u32;
    Float of f64, f32;
    Bool of bool;
    Text of &str, String;
}

/// The parameters of a trial, each name once, in the order of the names.
///
/// ```
/// use enfold::trials::Params;
/// let params = Params::new().with("k", 7).with("eps", 0.25).with("metric", "cosine");
/// assert_eq!((params.int("k")?, params.float("eps")?), (7, 0.25));
/// assert_eq!(params.to_string(), "eps=0.25 k=7 metric=cosine");
/// assert!(params.float("minimum").is_err());
/// # Ok::<(), enfold::trials::TrialError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params(BTreeMap<String, Param>);

impl Params {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more, or another value for one that is there.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Param>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The parameter of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Param> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Param)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A whole number.
    ///
    /// # Errors
    /// There is none of this name, or it is of another kind.
    pub fn int(&self, name: &str) -> Result<i64, TrialError> {
        match self.needed(name)? {
            Param::Int(value) => Ok(*value),
            _ => Err(other_kind(name, "whole number")),
        }
    }

    /// A number; a whole one counts too.
    ///
    /// # Errors
    /// There is none of this name, or it is of another kind.
    pub fn float(&self, name: &str) -> Result<f64, TrialError> {
        match self.needed(name)? {
            Param::Float(value) => Ok(*value),
            Param::Int(value) => Ok(*value as f64),
            _ => Err(other_kind(name, "number")),
        }
    }

    /// A switch.
    ///
    /// # Errors
    /// There is none of this name, or it is of another kind.
    pub fn bool(&self, name: &str) -> Result<bool, TrialError> {
        match self.needed(name)? {
            Param::Bool(value) => Ok(*value),
            _ => Err(other_kind(name, "switch")),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// There is none of this name, or it is of another kind.
    pub fn text(&self, name: &str) -> Result<&str, TrialError> {
        match self.needed(name)? {
            Param::Text(value) => Ok(value),
            _ => Err(other_kind(name, "text")),
        }
    }

    /// `Ok` when every number is finite.
    pub(super) fn check(&self) -> Result<(), TrialError> {
        let bad = |value: &Param| matches!(value, Param::Float(v) if !v.is_finite());
        match self.0.iter().find(|(_, value)| bad(value)) {
            Some((name, _)) => Err(TrialError::NotFinite(name.clone())),
            None => Ok(()),
        }
    }

    fn needed(&self, name: &str) -> Result<&Param, TrialError> {
        self.get(name).ok_or_else(|| TrialError::NoParam(name.into()))
    }
}

fn other_kind(name: &str, wanted: &'static str) -> TrialError {
    TrialError::ParamKind { name: name.into(), wanted }
}

impl Display for Params {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{name}={value}")?;
        }
        Ok(())
    }
}
