//! Chats over the WebSocket.

use serde_json::{Value, json};

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Failure, Outcome, Target, Test};
use crate::e2e::socket::Socket;
use crate::e2e::user::Session;

/// The events of one chat, in their order.
const EVENTS: [&str; 5] = [
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
];

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "chat", risk 4200.0 "nobody can chat";
        P1 ["auth" "backend"] five_events_come_in_order,
        P1 ["auth" "backend"] events_stay_with_their_user,
        P1 ["backend"] bad_token_closes_with_4401,
        P2 ["auth" "backend"] concurrent_chats_do_not_mix,
        P2 ["auth" "backend"] answer_is_kept_in_the_thread,
        P2 ["auth" "backend"] foreign_thread_takes_no_chat,
        P3 ["auth" "backend"] malformed_frame_is_answered,
    }
}

fn chat(thread: &str, text: &str) -> String {
    json!({"type": "chat", "thread": thread, "text": text}).to_string()
}

/// Asserts the five events of one chat, and gives them.
async fn events(
    test: &Test,
    socket: &mut Socket,
    session: &Session,
    thread: &str,
) -> Result<Vec<Value>, Failure> {
    let mut events = Vec::new();
    for (place, kind) in EVENTS.into_iter().enumerate() {
        let event = socket.expect(test, kind).await?;
        test.equal("seq", &event["seq"], &json!(place + 1))?;
        test.equal("thread", &event["thread"], &json!(thread))?;
        test.equal("user", &event["user"], &json!(session.user.name))?;
        events.push(event);
    }
    for event in &events {
        test.equal("run", &event["run"], &events[0]["run"])?;
    }
    Ok(events)
}

async fn five_events_come_in_order(test: &Test) -> Outcome {
    let session = test.user().await?;
    let thread = test.thread(&session, "spending").await?;
    let mut socket = test.browser_socket(&session.token).await?;
    socket
        .send(test, chat(&thread, "Where does our spending go?"))
        .await?;
    let seen = events(test, &mut socket, &session, &thread).await?;
    test.equal("tool", &seen[2]["tool"], &json!("spend_summary"))?;
    let path = json!(["triage", "data", "optimization", "reporting"]);
    test.equal("handoffs", &seen[4]["handoffs"], &path)
}

async fn events_stay_with_their_user(test: &Test) -> Outcome {
    let (ada, bob) = (test.user().await?, test.user().await?);
    let hers = test.thread(&ada, "hers").await?;
    let his = test.thread(&bob, "his").await?;
    let mut ada_socket = test.socket(&ada.token).await?;
    let mut bob_socket = test.socket(&bob.token).await?;
    ada_socket
        .send(test, chat(&hers, "any unusual weeks?"))
        .await?;
    events(test, &mut ada_socket, &ada, &hers).await?;
    // Hers is over; were any of it his, it would stand before his own.
    bob_socket
        .send(test, chat(&his, "what comes next?"))
        .await?;
    events(test, &mut bob_socket, &bob, &his).await?;
    Ok(())
}

async fn bad_token_closes_with_4401(test: &Test) -> Outcome {
    let mut socket = test.socket("garbage").await?;
    socket.expect_close(test, 4401).await?;
    let mut socket = test.browser_socket("").await?;
    socket.expect_close(test, 4401).await
}

async fn concurrent_chats_do_not_mix(test: &Test) -> Outcome {
    let one = async {
        let session = test.user().await?;
        let thread = test.thread(&session, "busy").await?;
        let mut socket = test.socket(&session.token).await?;
        for text in ["forecast, please", "and the summary"] {
            socket.send(test, chat(&thread, text)).await?;
            events(test, &mut socket, &session, &thread).await?;
        }
        Ok::<(), Failure>(())
    };
    let other = async {
        let session = test.user().await?;
        let thread = test.thread(&session, "busy too").await?;
        let mut socket = test.socket(&session.token).await?;
        socket.send(test, chat(&thread, "any outlier?")).await?;
        socket.send(test, chat(&thread, "any spike?")).await?;
        let first = events(test, &mut socket, &session, &thread).await?;
        let second = events(test, &mut socket, &session, &thread).await?;
        test.holds("each chat is a run", first[0]["run"] != second[0]["run"])
    };
    let (one, other) = futures_util::future::join(one, other).await;
    one.and(other)
}

async fn answer_is_kept_in_the_thread(test: &Test) -> Outcome {
    let session = test.user().await?;
    let thread = test.thread(&session, "kept").await?;
    let mut socket = test.socket(&session.token).await?;
    socket.send(test, chat(&thread, "summary")).await?;
    let seen = events(test, &mut socket, &session, &thread).await?;
    let path = format!("/api/threads/{thread}/messages");
    let kept = test
        .get(Target::Backend, &path, Some(&session.token))
        .await?;
    let messages = kept.list_at(test, "messages")?;
    test.equal("messages", messages.len(), 2)?;
    test.equal("question", &messages[0]["text"], &json!("summary"))?;
    test.equal("role", &messages[1]["role"], &json!("assistant"))?;
    test.equal("answer", &messages[1]["text"], &seen[4]["answer"])
}

async fn foreign_thread_takes_no_chat(test: &Test) -> Outcome {
    let (ada, bob) = (test.user().await?, test.user().await?);
    let thread = test.thread(&ada, "private").await?;
    let mut socket = test.socket(&bob.token).await?;
    socket.send(test, chat(&thread, "let me in")).await?;
    let error = socket.expect(test, "error").await?;
    test.equal("status", &error["status"], &json!(404))
}

async fn malformed_frame_is_answered(test: &Test) -> Outcome {
    let session = test.user().await?;
    let thread = test.thread(&session, "typo").await?;
    let mut socket = test.socket(&session.token).await?;
    for frame in [
        "{",
        "[]",
        r#"{"type":"dance"}"#,
        r#"{"type":"chat","text":"x"}"#,
    ] {
        socket.send(test, frame.to_owned()).await?;
        let error = socket.expect(test, "error").await?;
        test.equal("status", &error["status"], &json!(400))?;
    }
    socket.send(test, chat(&thread, "still here?")).await?;
    events(test, &mut socket, &session, &thread).await?;
    Ok(())
}
