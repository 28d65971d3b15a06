//! A name server for tests: one zone that a test changes, on a loopback port.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// What is answered to every question.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// These addresses with this TTL; no record for a family that is not among them.
    Addresses(Vec<IpAddr>, u32),
    /// The same behind an alias with a TTL of its own.
    Alias(u32, Vec<IpAddr>, u32),
    Fails(ResponseCode),
    /// Answers only once it is set to something else.
    Silent,
}

pub(super) struct NameServer {
    pub(super) address: SocketAddr,
    zone: watch::Sender<Zone>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    pub(super) async fn start(zone: Zone) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = socket.local_addr().unwrap();
        let (zone, asked) = (watch::Sender::new(zone), Arc::<Mutex<Vec<String>>>::default());
        let (zones, journal) = (zone.subscribe(), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                let query = Message::from_vec(&buffer[..length]).unwrap();
                journal.lock().unwrap().push(format!("{} {}", query.queries[0].query_type(), query.queries[0].name()));
                tokio::spawn(respond(Arc::clone(&socket), client, query, zones.clone()));
            }
        });
        Self { address, zone, asked }
    }

    pub(super) fn set(&self, zone: Zone) {
        self.zone.send_replace(zone);
    }

    /// The questions since the last call.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn respond(socket: Arc<UdpSocket>, client: SocketAddr, query: Message, mut zones: watch::Receiver<Zone>) {
    let Ok(zone) = zones.wait_for(|zone| !matches!(zone, Zone::Silent)).await.map(|zone| zone.clone()) else { return };
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    answer.metadata.recursion_available = true;
    answer.add_query(query.queries[0].clone());
    let (name, kind) = (query.queries[0].name().clone(), query.queries[0].query_type());
    match zone {
        Zone::Addresses(addresses, ttl) => drop(answer.add_answers(records(&name, kind, addresses, ttl))),
        Zone::Alias(alias_ttl, addresses, ttl) => {
            let target = Name::from_ascii("target.test.").unwrap();
            let alias = RData::CNAME(hickory_proto::rr::rdata::CNAME(target.clone()));
            answer.add_answer(Record::from_rdata(name, alias_ttl, alias));
            answer.add_answers(records(&target, kind, addresses, ttl));
        }
        Zone::Fails(code) => answer.metadata.response_code = code,
        Zone::Silent => return,
    }
    socket.send_to(&answer.to_vec().unwrap(), client).await.unwrap();
}

fn records(name: &Name, kind: RecordType, addresses: Vec<IpAddr>, ttl: u32) -> Vec<Record> {
    let of_kind = addresses.into_iter().filter(|ip| ip.is_ipv4() == (kind == RecordType::A));
    of_kind.map(|ip| Record::from_rdata(name.clone(), ttl, RData::from(ip))).collect()
}
