//! The proxy before a small stand-in for an API server.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::{Client, Config};
use serde_json::{Value, json};
use sluice_testkit::wait::within;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Fault, FaultProxy};

const LIST: &str = "/api/v1/configmaps?limit=500";
const WATCH: &str = "/api/v1/configmaps?watch=true&resourceVersion=7";

/// Lists some ConfigMaps, and has watches to which a test says what comes.
#[derive(Clone, Default)]
struct Fake {
    items: Arc<Mutex<Vec<u32>>>,
    watches: Arc<Mutex<Vec<mpsc::Sender<Bytes>>>>,
}

type FakeBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

struct Events(mpsc::Receiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Fake {
    async fn start(items: &[u32]) -> (Self, Client) {
        let fake = Self { items: Arc::new(Mutex::new(items.to_vec())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = serving.clone();
                let service = service_fn(move |request| {
                    let fake = fake.clone();
                    async move { Ok::<_, Infallible>(fake.answer(&request)) }
                });
                tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let config = Config::new(format!("http://{address}").parse().unwrap());
        (fake, Client::try_from(config).unwrap())
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<FakeBody> {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("watch=true") {
            let (sender, receiver) = mpsc::channel(8);
            self.watches.lock().unwrap().push(sender);
            return Response::new(Events(receiver).boxed_unsync());
        }
        let body = match request.uri().path() {
            "/api/v1/configmaps" => {
                let items = self.items.lock().unwrap().clone();
                json!({"kind": "ConfigMapList", "metadata": {"resourceVersion": "7"}, "items": items}).to_string()
            }
            path => path.to_owned(),
        };
        Response::new(Full::new(body.into()).boxed_unsync())
    }

    async fn tell(&self, event: &'static str) {
        let watches = self.watches.lock().unwrap().clone();
        for watch in watches {
            drop(watch.send(event.into()).await);
        }
    }
}

/// A connection to the proxy.
struct Caller(http1::SendRequest<Full<Bytes>>);

impl Caller {
    async fn new(proxy: &FaultProxy) -> Self {
        let stream = TcpStream::connect(proxy.address()).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn ask(&mut self, target: &str) -> Result<Response<Incoming>, hyper::Error> {
        let request = Request::get(target).header("host", "proxy").body(Full::default()).unwrap();
        self.0.ready().await?;
        self.0.send_request(request).await
    }

    async fn text(&mut self, target: &str) -> String {
        let answer = within("an answer", self.ask(target)).await.unwrap();
        let bytes = within("a body", answer.into_body().collect()).await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    async fn items(&mut self) -> Value {
        serde_json::from_str::<Value>(&self.text(LIST).await).unwrap()["items"].take()
    }
}

async fn next(watch: &mut Incoming) -> Result<Option<String>, hyper::Error> {
    let frame = within("an event", watch.frame()).await.transpose()?;
    Ok(frame.map(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()))
}

async fn start(items: &[u32]) -> (Fake, FaultProxy, Caller) {
    let (fake, client) = Fake::start(items).await;
    let proxy = FaultProxy::start(client).await.unwrap();
    let caller = Caller::new(&proxy).await;
    (fake, proxy, caller)
}

/// A watch that has told its first event.
async fn watching(fake: &Fake, proxy: &FaultProxy) -> Incoming {
    let mut caller = Caller::new(proxy).await;
    let mut watch = within("a watch", caller.ask(WATCH)).await.unwrap().into_body();
    fake.tell("first\n").await;
    assert_eq!(next(&mut watch).await.unwrap().as_deref(), Some("first\n"));
    watch
}

#[tokio::test]
async fn without_a_fault_everything_passes() {
    let (fake, proxy, mut caller) = start(&[1, 2]).await;
    assert_eq!(caller.items().await, json!([1, 2]));
    assert_eq!(caller.text("/version").await, "/version");
    let mut watch = watching(&fake, &proxy).await;
    fake.tell("second\n").await;
    assert_eq!(next(&mut watch).await.unwrap().as_deref(), Some("second\n"));
    fake.watches.lock().unwrap().clear();
    assert_eq!(next(&mut watch).await.unwrap(), None);
    assert_eq!(proxy.hits(), 0);
}

#[tokio::test]
async fn running_watches_can_be_ended_for_a_new_list() {
    let (fake, proxy, _caller) = start(&[1]).await;
    let mut watch = watching(&fake, &proxy).await;
    proxy.expire_watches();
    assert!(next(&mut watch).await.unwrap().unwrap().contains("\"code\":410"));
    assert_eq!(next(&mut watch).await.unwrap(), None);
    // The next one goes on.
    drop(watching(&fake, &proxy).await);
}

#[tokio::test]
async fn versions_can_be_gone() {
    let (fake, proxy, mut caller) = start(&[1]).await;
    let mut watch = watching(&fake, &proxy).await;
    proxy.inject(Fault::Gone);
    let event: Value = serde_json::from_str(&next(&mut watch).await.unwrap().unwrap()).unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(next(&mut watch).await.unwrap(), None);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let answer = caller.ask(WATCH).await.unwrap();
        statuses.push(answer.status().as_u16());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("\"code\":410"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
    assert_eq!(caller.items().await, json!([1]));
}

#[tokio::test]
async fn connections_can_be_reset() {
    let (fake, proxy, mut caller) = start(&[1]).await;
    caller.items().await;
    let mut watch = watching(&fake, &proxy).await;
    proxy.inject(Fault::Reset);
    assert!(next(&mut watch).await.is_err());
    assert!(within("a reset", caller.ask(LIST)).await.is_err());
    let mut another = Caller::new(&proxy).await;
    let error = within("a reset", another.ask(LIST)).await.unwrap_err();
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::ConnectionReset), "{error:?}");
    assert!(proxy.hits() >= 2);
    proxy.clear();
    assert_eq!(Caller::new(&proxy).await.items().await, json!([1]));
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let (fake, proxy, mut caller) = start(&[1]).await;
    let mut watch = watching(&fake, &proxy).await;
    proxy.inject(Fault::TooManyRequests(3));
    let answer = caller.ask(LIST).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    drop(answer.into_body().collect().await.unwrap());
    proxy.inject(Fault::InternalError);
    let answer = caller.ask("/version").await.unwrap();
    assert_eq!(answer.status().as_u16(), 500);
    drop(answer.into_body().collect().await.unwrap());
    assert_eq!(proxy.hits(), 1);
    fake.tell("second\n").await;
    assert_eq!(next(&mut watch).await.unwrap().as_deref(), Some("second\n"));
}

#[tokio::test]
async fn lists_can_be_old_short_and_cut() {
    let (fake, proxy, mut caller) = start(&[1, 2, 3]).await;
    assert_eq!(caller.items().await, json!([1, 2, 3]));
    *fake.items.lock().unwrap() = vec![4];
    proxy.inject(Fault::StaleLists);
    assert_eq!(caller.items().await, json!([1, 2, 3]));
    proxy.clear();
    assert_eq!(caller.items().await, json!([4]));
    proxy.inject(Fault::ShortLists { resource: "configmaps", keep: 0 });
    assert_eq!(caller.items().await, json!([]));
    proxy.inject(Fault::ShortLists { resource: "secrets", keep: 0 });
    assert_eq!(caller.items().await, json!([4]));
    proxy.inject(Fault::Garbage);
    let cut = caller.text(LIST).await;
    assert!(serde_json::from_str::<Value>(&cut).is_err(), "{cut}");
}

#[tokio::test]
async fn lists_can_be_recorded_anew() {
    let (fake, proxy, mut caller) = start(&[1]).await;
    caller.items().await;
    *fake.items.lock().unwrap() = vec![2];
    proxy.record_anew();
    caller.items().await;
    *fake.items.lock().unwrap() = vec![3];
    proxy.inject(Fault::StaleLists);
    assert_eq!(caller.items().await, json!([2]));
}

#[tokio::test]
async fn lists_can_be_slow() {
    let (_fake, proxy, mut caller) = start(&[1]).await;
    proxy.inject(Fault::SlowLists(Duration::from_millis(50)));
    let started = std::time::Instant::now();
    assert_eq!(caller.items().await, json!([1]));
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(proxy.hits(), 1);
}

#[tokio::test]
async fn watches_can_end_within_an_event() {
    let (fake, proxy, _caller) = start(&[]).await;
    let mut watch = watching(&fake, &proxy).await;
    proxy.inject(Fault::Garbage);
    let half = next(&mut watch).await.unwrap().unwrap();
    assert!(serde_json::from_str::<Value>(&half).is_err(), "{half}");
    assert_eq!(next(&mut watch).await.unwrap(), None);
}

#[tokio::test]
async fn silence_is_told_afterwards() {
    let (fake, proxy, mut caller) = start(&[1]).await;
    let mut watch = watching(&fake, &proxy).await;
    proxy.inject(Fault::Silence);
    hits(&proxy, 1).await;
    fake.tell("held back\n").await;
    // Lists go on meanwhile.
    assert_eq!(caller.items().await, json!([1]));
    proxy.clear();
    assert_eq!(next(&mut watch).await.unwrap().as_deref(), Some("held back\n"));
}

#[tokio::test]
async fn what_hangs_is_closed_afterwards() {
    let (fake, proxy, mut caller) = start(&[1]).await;
    let mut watch = watching(&fake, &proxy).await;
    proxy.inject(Fault::Hang);
    let pending = tokio::spawn(async move { caller.ask(LIST).await.is_err() });
    hits(&proxy, 2).await;
    assert!(!pending.is_finished());
    proxy.clear();
    assert!(within("the end of the request", pending).await.unwrap());
    assert!(next(&mut watch).await.is_err());
    assert_eq!(Caller::new(&proxy).await.items().await, json!([1]));
}

async fn hits(proxy: &FaultProxy, count: usize) {
    let noticed = async {
        while proxy.hits() < count {
            tokio::task::yield_now().await;
        }
    };
    within("the fault to be noticed", noticed).await;
}
