//! What an agent would do: one streamed chat completion over plain HTTP, with a placeholder for a key.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sluice_gateway::ai::sse::{Events, Piece};
use tokio::net::TcpStream;

use super::trouble::{REPORT, Trouble};

/// What the client has in the place of a key.
pub(super) const PLACEHOLDER: &str = "Bearer placeholder";
/// Where the client asks.
pub(super) const PATH: &str = "/v1/chat/completions";
/// The model of the walk-through.
pub(super) const MODEL: &str = "qwen-plus";

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    /// The whole text.
    pub(super) text: String,
    /// From the request to the first piece of text.
    pub(super) first_token: Option<Duration>,
    /// From the request to the end.
    pub(super) whole: Duration,
}

/// Asks, and shows each piece of text as it comes.
pub(super) async fn ask(gateway: SocketAddr, question: &str, mut show: impl FnMut(&str)) -> Result<Reply, Trouble> {
    let start = Instant::now();
    let mut response = send(gateway, question).await.map_err(|cause| cut(&cause))?;
    if response.status() != StatusCode::OK {
        let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        return Err(declined(gateway, &body));
    }
    let (mut events, mut data) = (Events::default(), Vec::new());
    let mut reply = Reply { text: String::new(), first_token: None, whole: Duration::ZERO };
    let mut is_done = false;
    while let Some(frame) = response.body_mut().frame().await {
        let Ok(bytes) = frame.map_err(|cause| cut(&cause))?.into_data() else { continue };
        events.feed(&bytes, &mut |piece| match piece {
            Piece::Name(_) => {}
            Piece::Data(more) => data.extend_from_slice(more),
            Piece::End => {
                is_done |= data == b"[DONE]";
                let text = text(&data);
                if !text.is_empty() {
                    reply.first_token.get_or_insert_with(|| start.elapsed());
                    show(&text);
                    reply.text.push_str(&text);
                }
                data.clear();
            }
        });
    }
    reply.whole = start.elapsed();
    if is_done { Ok(reply) } else { Err(cut(&"it ended before [DONE]")) }
}

async fn send(
    gateway: SocketAddr,
    question: &str,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(gateway).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let body = json!({
        "model": MODEL,
        "stream": true,
        "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": question }],
    });
    let request = Request::post(PATH)
        .header(header::HOST, gateway.to_string())
        .header(header::AUTHORIZATION, PLACEHOLDER)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/event-stream")
        .body(Full::new(Bytes::from(body.to_string())))?;
    Ok(sender.send_request(request).await?)
}

/// The text in an event; none in those about roles, ends and usage.
fn text(data: &[u8]) -> String {
    let event = serde_json::from_slice::<Value>(data).unwrap_or_default();
    event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
}

fn declined(gateway: SocketAddr, body: &[u8]) -> Trouble {
    let error = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let message = error["error"]["message"].as_str().map_or_else(|| String::from_utf8_lossy(body), Into::into);
    let remedy = match error["error"]["code"].as_str() {
        Some("invalid_api_key") => {
            "the provider does not take the key in PROVIDER_API_KEY; mend it, or unset it to use the stand-in provider"
        }
        _ => "the line of the access log above says how far it came; without PROVIDER_API_KEY a stand-in answers",
    };
    Trouble::new(format!("http://{gateway}{PATH} was answered with an error: {message}"), remedy)
}

fn cut(cause: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(format!("the answer did not come whole: {cause}"), REPORT)
}
