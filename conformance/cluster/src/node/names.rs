//! What names mean in the cluster: the part of a DNS server that thinks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::node::service::{Entry, Table};

/// How long an answer may be kept: not at all worth keeping, Services change while tests watch.
const TTL: u32 = 1;

/// All names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Of Services.
    pub(crate) services: Table,
    /// Of the world outside, lower-case and without the last dot.
    pub(crate) hosts: BTreeMap<String, IpAddr>,
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Addresses(Vec<IpAddr>),
    Alias(String),
    Nothing,
}

impl Names {
    /// The answer to `query`.
    pub(crate) fn answer(&self, query: &Message) -> Message {
        let mut answer = Message::new(query.metadata.id, MessageType::Response, query.metadata.op_code);
        answer.metadata = Metadata::response_from_request(&query.metadata);
        answer.metadata.recursion_available = true;
        answer.queries.clone_from(&query.queries);
        let [question] = query.queries.as_slice() else {
            answer.metadata.response_code = ResponseCode::FormErr;
            return answer;
        };
        if query.metadata.op_code != OpCode::Query {
            answer.metadata.response_code = ResponseCode::NotImp;
            return answer;
        }
        answer.metadata.authoritative = true;
        self.resolve(question, &mut answer);
        answer
    }

    fn resolve(&self, question: &Query, answer: &mut Message) {
        let kind = question.query_type();
        let mut name = question.name().clone();
        // A chain of aliases is as long as there are Services; a loop must end.
        for _ in 0..8 {
            match self.meaning(&name.to_utf8()) {
                Meaning::Addresses(addresses) => {
                    let records = addresses.into_iter().filter_map(|address| record(&name, kind, address));
                    answer.answers.extend(records);
                    return;
                }
                Meaning::Alias(target) => {
                    let Ok(mut target) = Name::from_utf8(&target) else { break };
                    target.set_fqdn(true);
                    let alias = RData::CNAME(hickory_proto::rr::rdata::CNAME(target.clone()));
                    answer.answers.push(Record::from_rdata(name, TTL, alias));
                    name = target;
                }
                Meaning::Nothing if answer.answers.is_empty() => {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                    return;
                }
                Meaning::Nothing => return,
            }
        }
    }

    fn meaning(&self, name: &str) -> Meaning {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let Some(address) = self.hosts.get(&name) {
            return Meaning::Addresses(vec![*address]);
        }
        let inside = name.strip_suffix(".cluster.local").unwrap_or(&name);
        let Some((service, namespace)) = inside.strip_suffix(".svc").and_then(|name| name.split_once('.')) else {
            return Meaning::Nothing;
        };
        match self.services.0.get(&(namespace.to_owned(), service.to_owned())) {
            Some(Entry { alias: Some(alias), .. }) => Meaning::Alias(alias.clone()),
            Some(Entry { cluster_ip: Some(ip), .. }) => Meaning::Addresses(vec![IpAddr::V4(*ip)]),
            Some(Entry { pods, .. }) if !pods.is_empty() => {
                Meaning::Addresses(pods.iter().copied().map(IpAddr::V4).collect())
            }
            _ => Meaning::Nothing,
        }
    }
}

/// An address in the form that was asked for; an existing name without such a form has an empty answer.
fn record(name: &Name, kind: RecordType, address: IpAddr) -> Option<Record> {
    let data = match (kind, address) {
        (RecordType::A | RecordType::ANY, IpAddr::V4(address)) => RData::A(address.into()),
        (RecordType::AAAA | RecordType::ANY, IpAddr::V6(address)) => RData::AAAA(address.into()),
        _ => return None,
    };
    Some(Record::from_rdata(name.clone(), TTL, data))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::json;

    use super::*;
    use crate::node::service::tests::{service, slice, table};

    fn names() -> Names {
        let services = json!([
            service("web", json!({"clusterIP": "10.96.1.1"})),
            service("none", json!({"clusterIP": "None"})),
            service("empty", json!({"clusterIP": "None"})),
            service("ext", json!({"type": "ExternalName", "externalName": "api.example.com"})),
            service("loop", json!({"type": "ExternalName", "externalName": "loop.ns.svc.cluster.local"})),
        ]);
        let endpoints = json!([{"addresses": ["10.244.1.1"]}, {"addresses": ["10.244.1.2"]}]);
        let services = table(services, json!([slice("none", json!({"port": 1}), endpoints)]));
        let hosts = [("api.example.com".to_owned(), IpAddr::V4(Ipv4Addr::new(10, 245, 0, 9)))];
        Names { services, hosts: hosts.into() }
    }

    #[track_caller]
    fn check(name: &str, kind: RecordType, code: ResponseCode, expected: &[&str]) {
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_utf8(name).unwrap(), kind));
        let answer = names().answer(&query);
        assert_eq!(answer.metadata.response_code, code, "{name}");
        assert_eq!(answer.metadata.id, query.metadata.id);
        let data: Vec<_> = answer.answers.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(data, expected, "{name}");
        assert!(answer.to_vec().is_ok());
    }

    #[test]
    fn names_of_services() {
        use ResponseCode::{NXDomain, NoError};
        check("web.ns.svc.cluster.local.", RecordType::A, NoError, &["10.96.1.1"]);
        check("WEB.ns.svc.", RecordType::A, NoError, &["10.96.1.1"]);
        check("web.ns.svc.cluster.local.", RecordType::AAAA, NoError, &[]);
        check("none.ns.svc.cluster.local.", RecordType::A, NoError, &["10.244.1.1", "10.244.1.2"]);
        check("empty.ns.svc.cluster.local.", RecordType::A, NXDomain, &[]);
        check("web.other.svc.cluster.local.", RecordType::A, NXDomain, &[]);
        check("web.ns.", RecordType::A, NXDomain, &[]);
        check("api.example.com.ns.svc.cluster.local.", RecordType::A, NXDomain, &[]);
    }

    #[test]
    fn names_of_the_world() {
        use ResponseCode::{NXDomain, NoError};
        check("api.example.com.", RecordType::A, NoError, &["10.245.0.9"]);
        check("example.com.", RecordType::A, NXDomain, &[]);
        check("ext.ns.svc.cluster.local.", RecordType::A, NoError, &["api.example.com.", "10.245.0.9"]);
        let looped = ["loop.ns.svc.cluster.local."; 8];
        check("loop.ns.svc.cluster.local.", RecordType::A, NoError, &looped);
    }
}
