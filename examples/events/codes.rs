//! Names of the CAMEO event codes that occur in the sample (CAMEO codebook 1.1b3).

const NAMES: [(&str, &str); 20] = [
    ("010", "make statement"),
    ("012", "pessimistic comment"),
    ("013", "optimistic comment"),
    ("020", "appeal"),
    ("036", "intent to meet"),
    ("040", "consult"),
    ("042", "make a visit"),
    ("043", "host a visit"),
    ("046", "negotiate"),
    ("051", "praise or endorse"),
    ("057", "sign agreement"),
    ("080", "yield"),
    ("090", "investigate"),
    ("110", "disapprove"),
    ("111", "criticise or denounce"),
    ("112", "accuse"),
    ("120", "reject"),
    ("173", "arrest or charge"),
    ("190", "military force"),
    ("193", "fight, small arms"),
];

/// The code in a column's name, in words: `EventCode_042` is "make a visit". `None` for columns
/// that are no event codes.
pub(crate) fn event(column: &str) -> Option<&str> {
    let code = column.strip_prefix("EventCode_")?;
    let known = NAMES.iter().find(|(number, _)| *number == code);
    Some(known.map_or(code, |(_, name)| name))
}
