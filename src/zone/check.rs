//! What is wrong with a zone as a whole, beyond the syntax of its file.
//!
//! An error is what BIND refuses to load; all else is a warning and served. Findings name the record
//! they are about; `zone::load` finds its place in the file. Does not look at other zones. What is
//! asked of signed zones stands in `signed`.

mod cds;
mod holes;
mod nsec;
mod nsec3;
mod signature;
mod signed;

use crate::base::diagnostic::Severity;
use crate::base::limits::{DIAGNOSTICS_MAX, MESSAGE_LEN_MAX};
use crate::base::time::Wall;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::rdata;
use crate::zone::crew::Crew;
use crate::zone::lookup::{Lookup, Source};
use crate::zone::node::{Node, Set};
use crate::zone::store::Zone;

/// A kind of problem: its stable name, how bad it is and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The stable name.
    pub code: &'static str,
    /// Whether the zone can be served all the same.
    pub severity: Severity,
    /// What to do about it.
    pub hint: &'static str,
}

/// Makes the table of kinds, so that every constant is also in `KINDS`.
macro_rules! kinds {
    ($($name:ident = $severity:ident $code:literal, $hint:literal;)*) => {
        impl Kind {
            $(
                #[doc = concat!("`", $code, "`: ", $hint, ".")]
                pub const $name: Self =
                    Self { code: $code, severity: Severity::$severity, hint: $hint };
            )*
        }

        /// All kinds of problems that a zone as a whole can have.
        pub const KINDS: &[Kind] = &[$(Kind::$name,)*];
    };
}

kinds! {
    SOA_MISSING = Error "soa-missing", "give the zone one SOA record at its own name";
    SOA_TWICE = Error "soa-twice", "keep one SOA record";
    SOA_BELOW_APEX = Error "soa-below-apex", "a SOA record stands at the zone's own name only";
    NS_MISSING = Error "ns-missing", "give the zone an NS record at its own name";
    CNAME_AND_OTHER_DATA = Error "cname-and-other-data",
        "a name with a CNAME has no other records; move them or write addresses instead";
    CNAME_TWICE = Error "cname-twice", "keep one CNAME record";
    DNAME_TWICE = Error "dname-twice", "keep one DNAME record";
    NS_WITHOUT_ADDRESS = Error "ns-without-address",
        "add an A or AAAA record for the name server, or name another one";
    NS_IS_ALIAS = Error "ns-is-alias", "let the NS record name the server itself (RFC 2181 §10.3)";
    NS_BELOW_DNAME = Error "ns-below-dname",
        "names below a DNAME are redirected, so the server cannot be found (RFC 6672 §2.4)";
    WILDCARD_NS = Error "wildcard-ns",
        "a wildcard cannot be delegated; delegate each name (RFC 4592 §4.2)";
    OUT_OF_ZONE = Warning "out-of-zone",
        "the record is left out; is a dot at the end of the name too many, or $ORIGIN wrong?";
    TOO_MUCH_DATA = Error "too-much-data", "spread the records over several names";
    TTL_DIFFERS = Warning "ttl-differs",
        "records of one name and type share a TTL (RFC 2181 §5.2); the first one counts";
    DUPLICATE = Warning "duplicate", "the record counts once; remove the other one";
    GLUE_MISSING = Warning "glue-missing",
        "nobody can reach the zone below without an A or AAAA record for this server";
    BELOW_CUT = Warning "below-cut",
        "the zone below answers for this name; only addresses of its servers belong here";
    BELOW_DNAME = Warning "below-dname",
        "names below a DNAME are redirected, so this record is never seen (RFC 6672 §2.4)";
    DELEGATION_TO_ALIAS = Warning "delegation-to-alias",
        "let the NS record name the server itself (RFC 2181 §10.3)";
    MX_IS_ALIAS = Warning "mx-is-alias", "let the MX record name the host itself (RFC 2181 §10.3)";
    SRV_IS_ALIAS = Warning "srv-is-alias", "let the SRV record name the host itself (RFC 2782)";
    TARGET_WITHOUT_ADDRESS = Warning "target-without-address",
        "add an A or AAAA record for the name, or name another one";
    TARGET_IS_ADDRESS = Warning "target-is-address",
        "a name is wanted here: give the host a name and its address an A or AAAA record";
    DS_WITHOUT_NS = Warning "ds-without-ns", "a DS record belongs to a delegation (RFC 4035 §2.4)";
    TARGET_BELOW_DNAME = Warning "target-below-dname",
        "names below a DNAME are redirected, so the host cannot be found (RFC 6672 §2.4)";
    WILDCARD_DNAME = Warning "wildcard-dname",
        "a DNAME record at a wildcard redirects nothing (RFC 4592 §4.4)";
    DS_AT_APEX = Error "ds-at-apex", "the DS record of a zone stands in its parent (RFC 4035 §2.4)";
    SET_TOO_LARGE = Error "set-too-large",
        "no message has room for these records, so nobody will see them";
    CDS_WITHOUT_KEY = Error "cds-without-key",
        "publish a DNSKEY record of the algorithm, or take the record out (RFC 7344 §4.1)";
    CDS_DELETE_AND_OTHERS = Error "cds-delete-and-others",
        "let this record stand alone, or take it out: the parent cannot do both (RFC 8078 §4)";
    CDS_OF_OTHER_KEYS = Warning "cds-of-other-keys",
        "name a key that the zone publishes, or nothing is valid when the parent has done as it \
         says (RFC 7344 §4.1)";
    CDS_AND_CDNSKEY_DIFFER = Warning "cds-and-cdnskey-differ",
        "parents look at one or the other: both tell of the same keys (RFC 7344 §4)";
    NOT_SIGNED = Warning "not-signed",
        "sign the zone, or take out what says that it is signed";
    DNSKEY_MISSING = Warning "dnskey-missing",
        "give the zone the DNSKEY records of the keys it is signed with";
    SIGNATURE_MISSING = Warning "signature-missing",
        "sign the zone again: validators take these records for forged (RFC 4035 §2.2)";
    SIGNATURE_EXPIRED = Warning "signature-expired",
        "sign the zone again: validators take what it covers for forged";
    SIGNATURE_NOT_YET_VALID = Warning "signature-not-yet-valid",
        "is the clock right, here and where the zone was signed?";
    SIGNATURE_EXPIRES_SOON = Warning "signature-expires-soon",
        "sign the zone again, well before that";
    SIGNATURE_BY_UNKNOWN_KEY = Warning "signature-by-unknown-key",
        "sign the zone again with keys that it publishes";
    SIGNATURE_BY_OTHER_SIGNER = Warning "signature-by-other-signer",
        "records are signed by the zone they are in (RFC 4034 §3.1.7)";
    SIGNATURE_LABELS_DIFFER = Warning "signature-labels-differ",
        "the signature is for another name; sign the zone again (RFC 4034 §3.1.3)";
    SIGNATURE_TTL_DIFFERS = Warning "signature-ttl-differs",
        "a signature has and covers the TTL of its set (RFC 4035 §2.2); sign the zone again";
    SIGNATURE_OUT_OF_PLACE = Warning "signature-out-of-place",
        "what belongs to the zone below is not signed here (RFC 4035 §2.2)";
    ALGORITHM_WITHOUT_SIGNATURE = Warning "algorithm-without-signature",
        "sign all records with each algorithm of the zone's keys, or take the key out \
         (RFC 4035 §2.2)";
    DENIAL_MISSING = Warning "denial-missing",
        "sign the zone again: nothing proves what is not there, so such answers count as forged";
    NSEC_MISSING = Warning "nsec-missing",
        "sign the zone again: nothing proves which types the name has (RFC 4035 §2.3)";
    NSEC_OUT_OF_PLACE = Warning "nsec-out-of-place",
        "only names that the zone answers for, and its cuts, have NSEC records (RFC 4035 §2.3)";
    NSEC_CHAIN_BROKEN = Warning "nsec-chain-broken",
        "each NSEC record names the next name, and the last one the zone (RFC 4034 §4.1.1)";
    NSEC_TYPES_DIFFER = Warning "nsec-types-differ",
        "an NSEC record lists the types of its name (RFC 4034 §4.1.2); sign the zone again";
    NSEC3_MISSING = Warning "nsec3-missing",
        "sign the zone again: nothing proves which types the name has (RFC 5155 §7.1)";
    NSEC3_OUT_OF_PLACE = Warning "nsec3-out-of-place",
        "an NSEC3 record belongs to a name of the zone; sign the zone again (RFC 5155 §7.1)";
    NSEC3_CHAIN_BROKEN = Warning "nsec3-chain-broken",
        "each NSEC3 record names the next hash, and the last one the first (RFC 5155 §3.1.7)";
    NSEC3_TYPES_DIFFER = Warning "nsec3-types-differ",
        "an NSEC3 record lists the types of its name (RFC 5155 §3.1.8); sign the zone again";
    NSEC3_PARAMETERS_DIFFER = Warning "nsec3-parameters-differ",
        "NSEC3 records are made as the zone's NSEC3PARAM record says (RFC 5155 §4)";
    NSEC3_ITERATIONS = Warning "nsec3-iterations",
        "sign the zone again with 0 iterations (RFC 9276 §3.1): to validators, what is proved with \
         so many is not signed";
    NSEC3_NOT_SERVED = Warning "nsec3-not-served",
        "sign the zone again with 0 iterations (RFC 9276 §3.1): proofs with more than RFC 5155 §10.3 \
         allows are not given, so validators take denials for forged";
}

/// Which of several equal records is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// The first one in the file.
    First,
    /// The second one in the file.
    Second,
}

/// The record a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name that owns it.
    pub owner: NameBuf,
    /// Its type.
    pub rtype: Rtype,
    /// Its data; any record of the set if `None`.
    pub rdata: Option<Box<[u8]>>,
    /// Which of several.
    pub occurrence: Occurrence,
}

/// One problem of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of problem it is.
    pub kind: Kind,
    /// What was found.
    pub message: String,
    /// The record it is about, if it is about one.
    pub subject: Option<Subject>,
}

/// A list of findings, bounded for each severity.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    /// Adds a finding about a record; beyond `DIAGNOSTICS_MAX` of its severity it is only counted.
    pub fn add(&mut self, kind: Kind, message: String, subject: Subject) {
        self.push(Finding { kind, message, subject: Some(subject) });
    }

    fn push(&mut self, finding: Finding) {
        let count = match finding.kind.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= DIAGNOSTICS_MAX {
            self.kept.push(finding);
        }
    }

    /// Adds all findings of another list.
    fn append(&mut self, other: Self) {
        let (errors, warnings) = (other.omitted_errors(), other.omitted_warnings());
        for finding in other.kept {
            self.push(finding);
        }
        self.errors += errors;
        self.warnings += warnings;
    }

    /// The findings kept, in the order they were found.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// Errors that were only counted.
    pub fn omitted_errors(&self) -> usize {
        self.errors.saturating_sub(DIAGNOSTICS_MAX)
    }

    /// Warnings that were only counted.
    pub fn omitted_warnings(&self) -> usize {
        self.warnings.saturating_sub(DIAGNOSTICS_MAX)
    }
}

/// Adds everything that is wrong with a zone, in the order of its names; then what is wrong with
/// its signatures as of `now`, and with its proofs.
pub fn check(zone: &Zone, now: Wall, crew: &Crew, findings: &mut Findings) {
    Check { zone, findings, target: FoldedName::root() }.apex();
    let helpers = crew.gather(zone.name_count());
    let parts = helpers.map(zone.node_parts(helpers.count()), |nodes| {
        let mut findings = Findings::default();
        Check { zone, findings: &mut findings, target: FoldedName::root() }.names(nodes);
        findings
    });
    drop(helpers);
    for part in parts {
        findings.append(part);
    }
    cds::check(zone.apex_node(), findings);
    signed::check(zone, now, crew, findings);
}

/// What hides the names below another one, and what to say of them.
type Hiding<'z> = Option<(Name<'z>, Kind)>;

fn hiding(node: &Node) -> Hiding<'_> {
    if node.is_cut() {
        Some((node.owner(), Kind::BELOW_CUT))
    } else if node.has_dname() {
        Some((node.owner(), Kind::BELOW_DNAME))
    } else {
        None
    }
}

struct Check<'z, 'f> {
    zone: &'z Zone,
    findings: &'f mut Findings,
    target: FoldedName,
}

/// What a zone knows of a name that a record points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// It has an address, or another zone answers for it.
    Fine,
    /// It is an alias.
    Alias,
    /// A DNAME above it redirects it.
    BelowDname,
    /// It exists without an address, or does not exist.
    NoAddress,
}

impl<'z> Check<'z, '_> {
    fn add(&mut self, kind: Kind, message: String, subject: Subject) {
        self.findings.add(kind, message, subject);
    }

    /// Checks names that follow each other.
    fn names(&mut self, nodes: impl Iterator<Item = &'z Node>) {
        let mut nodes = nodes.peekable();
        let mut above = nodes.peek().and_then(|first| self.hiding_above(first));
        for node in nodes {
            let owner = node.owner();
            if above.is_some_and(|(name, _)| !owner.is_below(name)) {
                above = None;
            }
            match above {
                Some((name, kind)) => self.hidden(node, name, kind),
                None => self.node(node),
            }
            self.shape(node);
            above = above.or_else(|| hiding(node));
        }
    }

    /// What hides a name: the highest above it that hides anything.
    fn hiding_above(&self, node: &Node) -> Hiding<'z> {
        let name = FoldedName::new(node.owner());
        let below_apex = name.label_count() - self.zone.depth();
        let above = (1..=below_apex).rev();
        let mut found = above.filter_map(|dropped| {
            self.zone.find(name.hash(dropped), name.suffix(dropped)).and_then(hiding)
        });
        found.next()
    }

    fn apex(&mut self) {
        let apex = self.zone.apex_node();
        let name = apex.owner();
        if apex.find(Rtype::DS).is_some() {
            let message = format!("the zone {name} has a DS record of its own");
            self.add(Kind::DS_AT_APEX, message, any_record(name, Rtype::DS));
        }
        match apex.find(Rtype::SOA) {
            None => {
                let message = format!("the zone {name} has no SOA record");
                self.findings.push(Finding { kind: Kind::SOA_MISSING, message, subject: None });
            }
            Some(set) if set.len() > 1 => {
                let message = format!("the zone {name} has {} SOA records", set.len());
                self.add(Kind::SOA_TWICE, message, later_record(name, &set));
            }
            Some(_) => (),
        }
        match apex.find(Rtype::NS) {
            None => {
                let message = format!("the zone {name} has no NS record");
                self.findings.push(Finding { kind: Kind::NS_MISSING, message, subject: None });
            }
            Some(set) => self.apex_servers(name, &set),
        }
    }

    fn apex_servers(&mut self, owner: Name<'_>, set: &Set<'z>) {
        for rdata in set.records() {
            let Ok(server) = Name::read(rdata) else { continue };
            let (kind, what) = match self.target(server) {
                Target::Fine => continue,
                Target::Alias => (Kind::NS_IS_ALIAS, "is an alias"),
                Target::BelowDname => (Kind::NS_BELOW_DNAME, "is below a DNAME"),
                Target::NoAddress => (Kind::NS_WITHOUT_ADDRESS, "has no address"),
            };
            let message = format!("the name server {server} of the zone {what}");
            self.add(kind, message, record(owner, Rtype::NS, rdata));
        }
    }

    /// Checks a name that the zone answers for.
    fn node(&mut self, node: &'z Node) {
        let owner = node.owner();
        if node.is_cut()
            && let Some(set) = node.find(Rtype::NS)
        {
            self.delegation(owner, &set);
        }
        if let Some(set) = node.find(Rtype::DS)
            && !node.is_cut()
            && owner != self.zone.apex()
        {
            let message = format!("{owner} has a DS record and no NS record");
            self.add(Kind::DS_WITHOUT_NS, message, any_record(owner, set.rtype()));
        }
        if owner.is_wildcard() && node.has_dname() {
            let message = format!("the wildcard {owner} has a DNAME record");
            self.add(Kind::WILDCARD_DNAME, message, any_record(owner, Rtype::DNAME));
        }
        for rtype in [Rtype::MX, Rtype::SRV] {
            if let Some(set) = node.find(rtype) {
                self.targets(owner, &set);
            }
        }
    }

    fn delegation(&mut self, owner: Name<'_>, set: &Set<'z>) {
        for rdata in set.records() {
            let Ok(server) = Name::read(rdata) else { continue };
            let (kind, what) = if server.is_within(owner) {
                self.target.fold(server);
                match self.zone.find_folded(&self.target) {
                    Some(node) if has_address(node) => continue,
                    Some(node) if node.find(Rtype::CNAME).is_some() => {
                        (Kind::DELEGATION_TO_ALIAS, "is an alias")
                    }
                    Some(_) | None => (Kind::GLUE_MISSING, "has no address here"),
                }
            } else {
                match self.target(server) {
                    Target::Fine => continue,
                    Target::Alias => (Kind::DELEGATION_TO_ALIAS, "is an alias"),
                    Target::BelowDname => (Kind::TARGET_BELOW_DNAME, "is below a DNAME"),
                    Target::NoAddress => (Kind::TARGET_WITHOUT_ADDRESS, "has no address"),
                }
            };
            let message = format!("the name server {server} of {owner} {what}");
            self.add(kind, message, record(owner, Rtype::NS, rdata));
        }
    }

    /// Checks the hosts that MX or SRV records name.
    fn targets(&mut self, owner: Name<'_>, set: &Set<'z>) {
        for rdata in set.records() {
            let Some(embedded) = rdata::embedded_names(set.rtype(), rdata).next() else { continue };
            let target = embedded.name;
            let (kind, what) = match self.target(target) {
                _ if looks_like_address(target) => (Kind::TARGET_IS_ADDRESS, "is an address"),
                Target::Fine => continue,
                Target::Alias if set.rtype() == Rtype::MX => (Kind::MX_IS_ALIAS, "is an alias"),
                Target::Alias => (Kind::SRV_IS_ALIAS, "is an alias"),
                Target::BelowDname => (Kind::TARGET_BELOW_DNAME, "is below a DNAME"),
                Target::NoAddress => (Kind::TARGET_WITHOUT_ADDRESS, "has no address"),
            };
            let message = format!("{target}, the {} host of {owner}, {what}", set.rtype());
            self.add(kind, message, record(owner, set.rtype(), rdata));
        }
    }

    /// What the zone knows of a name that one of its records points at.
    fn target(&mut self, name: Name<'_>) -> Target {
        // The root stands for no host at all (RFC 7505, RFC 2782).
        if name.is_root() || !name.is_within(self.zone.apex()) {
            return Target::Fine;
        }
        self.target.fold(name);
        match self.zone.lookup(&self.target, Rtype::A) {
            Lookup::Answer { .. } | Lookup::Referral { .. } => Target::Fine,
            Lookup::Redirect { .. } => Target::BelowDname,
            Lookup::Alias { .. } => Target::Alias,
            Lookup::NoData { source: Source::Name(node) | Source::Wildcard(node) }
            | Lookup::All { node, .. }
            | Lookup::Signatures { node, .. } => {
                if has_address(node) {
                    Target::Fine
                } else {
                    Target::NoAddress
                }
            }
            Lookup::NameError { .. } => Target::NoAddress,
        }
    }

    /// Checks a name that a cut or a DNAME hides.
    fn hidden(&mut self, node: &'z Node, above: Name<'_>, kind: Kind) {
        let may_be_glue = kind == Kind::BELOW_CUT;
        for set in node.sets() {
            let is_address = matches!(set.rtype(), Rtype::A | Rtype::AAAA);
            let is_proof = matches!(set.rtype(), Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3);
            if is_proof || (is_address && may_be_glue) {
                continue;
            }
            let what = if may_be_glue { "delegation" } else { "DNAME" };
            let message =
                format!("{} {} is below the {what} at {above}", node.owner(), set.rtype());
            self.add(kind, message, any_record(node.owner(), set.rtype()));
        }
    }

    /// Checks which records may stand together at a name, wherever it is.
    fn shape(&mut self, node: &'z Node) {
        let owner = node.owner();
        for (rtype, kind) in [(Rtype::CNAME, Kind::CNAME_TWICE), (Rtype::DNAME, Kind::DNAME_TWICE)]
        {
            if let Some(set) = node.find(rtype)
                && set.len() > 1
            {
                let message = format!("{owner} has {} {rtype} records", set.len());
                self.add(kind, message, later_record(owner, &set));
            }
        }
        if node.find(Rtype::CNAME).is_some()
            && let Some(other) = node.sets().find(|set| !may_be_beside_cname(set.rtype()))
        {
            let message = format!("{owner} has a CNAME record and a {} record", other.rtype());
            self.add(Kind::CNAME_AND_OTHER_DATA, message, any_record(owner, other.rtype()));
        }
        if owner.is_wildcard() && node.find(Rtype::NS).is_some() {
            let message = format!("the wildcard {owner} has an NS record");
            self.add(Kind::WILDCARD_NS, message, any_record(owner, Rtype::NS));
        }
        if node.find(Rtype::SOA).is_some() && owner != self.zone.apex() {
            let message = format!("{owner} has a SOA record and is not the zone's own name");
            self.add(Kind::SOA_BELOW_APEX, message, any_record(owner, Rtype::SOA));
        }
        for set in node.sets() {
            // Twelve octets of header, and a question of at least five.
            if set.wire_len() + 17 > MESSAGE_LEN_MAX {
                let message = format!(
                    "the {} {} records of {owner} take {} octets",
                    set.len(),
                    set.rtype(),
                    set.wire_len()
                );
                self.add(Kind::SET_TOO_LARGE, message, any_record(owner, set.rtype()));
            }
        }
    }
}

fn has_address(node: &Node) -> bool {
    node.find(Rtype::A).is_some() || node.find(Rtype::AAAA).is_some()
}

/// The types that may stand beside a CNAME (RFC 2181 §10.1, RFC 4034 §2.5).
fn may_be_beside_cname(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::CNAME | Rtype::RRSIG | Rtype::NSEC | Rtype::KEY | Rtype::SIG)
}

/// Whether somebody wrote an IPv4 address where a name is wanted.
fn looks_like_address(name: Name<'_>) -> bool {
    let mut labels = name.labels();
    let is_octet =
        |label: &[u8]| std::str::from_utf8(label).is_ok_and(|label| label.parse::<u8>().is_ok());
    (0..4).all(|_| labels.next().is_some_and(is_octet))
}

fn record(owner: Name<'_>, rtype: Rtype, rdata: &[u8]) -> Subject {
    let rdata = Some(rdata.into());
    Subject { owner: owner.to_buf(), rtype, rdata, occurrence: Occurrence::First }
}

fn any_record(owner: Name<'_>, rtype: Rtype) -> Subject {
    Subject { owner: owner.to_buf(), rtype, rdata: None, occurrence: Occurrence::First }
}

fn later_record(owner: Name<'_>, set: &Set<'_>) -> Subject {
    let occurrence = Occurrence::Second;
    Subject { owner: owner.to_buf(), rtype: set.rtype(), rdata: None, occurrence }
}
