//! The stable names of what can be wrong with the text of a zone, one line of explanation each.
//!
//! Diagnostics carry the name; the user's documentation lists the table.

/// Declares the codes and the table of their explanations, so that a code stands once.
macro_rules! codes {
    ($($name:ident = $code:literal, $explanation:literal;)*) => {
        $(#[doc = $explanation] pub const $name: &str = $code;)*

        /// Every code with its explanation.
        pub const TABLE: &[(&str, &str)] = &[$(($code, $explanation)),*];
    };
}

codes! {
    SYNTAX = "syntax", "The text is not what a master file has at this place.";
    UNKNOWN_DIRECTIVE = "unknown-directive", "A word with a dollar sign that is no directive.";
    UNKNOWN_TYPE = "unknown-type", "A word where the type of the record should stand.";
    META_TYPE = "meta-type", "A type for questions or transport that no zone can hold.";
    WRONG_CLASS = "wrong-class", "A class other than IN.";
    NO_OWNER = "no-owner", "A record without an owner, and no record before it to take it from.";
    NO_ORIGIN = "no-origin", "A relative name, and no origin to complete it with.";
    BAD_NAME = "bad-name", "A word that is not a domain name.";
    BAD_ADDRESS = "bad-address", "A word that is not an address of the family the type holds.";
    BAD_NUMBER = "bad-number", "A word that is not a number, or a number out of range.";
    BAD_TIME = "bad-time", "A word that is not a time or a period.";
    BAD_TTL = "bad-ttl", "A time to live above 2147483647 seconds, or no time at all.";
    NO_TTL = "no-ttl", "A record without a time to live, and none before it to take it from.";
    TTL_FROM_SOA = "ttl-from-soa", "The SOA's minimum stands in for a missing time to live.";
    BAD_ESCAPE = "bad-escape", "A backslash that no character or number up to 255 follows.";
    STRING_TOO_LONG = "string-too-long", "A character string of more than 255 octets.";
    BAD_ENCODING = "bad-encoding", "A word that is not hexadecimal, Base64 or Base32hex.";
    BAD_VALUE = "bad-value", "A value that the type does not allow.";
    BAD_SERVICE_PARAMETER = "bad-service-parameter", "A parameter that SVCB does not allow.";
    BAD_UNKNOWN_DATA = "bad-unknown-data", "Data after \\# that is not as long as it says.";
    MISSING_DATA = "missing-data", "A record or directive that ends too early.";
    EXTRA_DATA = "extra-data", "Words after the end of a record or directive.";
    NO_TEXT_FORM = "no-text-form", "A type that can only be written with \\#.";
    DATA_TOO_LONG = "data-too-long", "Record data of more than 65535 octets.";
    ENTRY_TOO_LONG = "entry-too-long", "A record or directive longer than the reader holds.";
    UNBALANCED_PARENTHESIS = "unbalanced-parenthesis", "A parenthesis without its partner.";
    UNTERMINATED_STRING = "unterminated-string", "A quoted string that its line does not end.";
    BYTE_ORDER_MARK = "byte-order-mark", "A UTF-8 byte order mark at the start of the file.";
    ZONE_NOT_FOUND = "zone-not-found", "The zone's own file does not exist.";
    ZONE_UNREADABLE = "zone-unreadable", "The zone's own file cannot be read.";
    UNREADABLE = "unreadable", "The file could not be read to its end.";
    INCLUDE_NOT_FOUND = "include-not-found", "A file to include that does not exist.";
    INCLUDE_OUTSIDE_FOLDER = "include-outside-folder", "A file outside the zone's folder.";
    INCLUDE_UNREADABLE = "include-unreadable", "A file to include that cannot be read.";
    INCLUDE_TOO_DEEP = "include-too-deep", "Files that include each other too deep or forever.";
    INCLUDE_TOO_MANY = "include-too-many", "More files than one zone may include.";
    GENERATE_RANGE = "generate-range", "A range of $GENERATE that is not start-stop[/step].";
    GENERATE_TOO_MANY = "generate-too-many", "A $GENERATE that makes too many records.";
    GENERATE_TEMPLATE = "generate-template", "A ${…} of $GENERATE that cannot be read.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TABLE;

    #[test]
    fn codes_are_words_with_hyphens_and_stand_once() {
        let is_kebab = |code: &str| {
            code.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_lowercase())
            })
        };
        let codes: BTreeSet<&str> = TABLE.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), TABLE.len());
        assert!(codes.into_iter().all(is_kebab));
    }
}
