//! Conversations and messages over REST.

use serde_json::{Value, json};

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "threads", risk 2400.0 "conversations are lost or shown to others";
        P1 ["auth" "backend"] created_thread_is_listed,
        P2 ["auth" "backend"] message_is_kept,
        P1 ["auth" "backend"] foreign_thread_is_hidden,
        P1 ["auth" "backend"] foreign_messages_are_hidden,
        P3 ["auth" "backend"] empty_title_is_refused,
        P3 ["auth" "backend"] unknown_thread_is_not_found,
    }
}

async fn created_thread_is_listed(test: &Test) -> Outcome {
    let session = test.user().await?;
    let id = test.thread(&session, "budget").await?;
    let list = test
        .get(Target::Backend, "/api/threads", Some(&session.token))
        .await?;
    list.expect(test, 200)?;
    let ids: Vec<Value> = list
        .list_at(test, "threads")?
        .into_iter()
        .map(|thread| thread["id"].clone())
        .collect();
    test.equal("ids", ids, vec![json!(id)])?;
    let path = format!("/api/threads/{id}");
    let one = test
        .get(Target::Backend, &path, Some(&session.token))
        .await?;
    one.expect(test, 200)?;
    test.equal("title", one.text_at(test, "title")?, "budget".to_owned())
}

async fn message_is_kept(test: &Test) -> Outcome {
    let session = test.user().await?;
    let id = test.thread(&session, "notes").await?;
    let path = format!("/api/threads/{id}/messages");
    for text in ["first", "second"] {
        let body = json!({"text": text});
        let sent = test
            .post(Target::Backend, &path, Some(&session.token), body)
            .await?;
        sent.expect(test, 201)?;
    }
    let kept = test
        .get(Target::Backend, &path, Some(&session.token))
        .await?;
    kept.expect(test, 200)?;
    let texts: Vec<Value> = kept
        .list_at(test, "messages")?
        .into_iter()
        .map(|one| one["text"].clone())
        .collect();
    test.equal("texts", texts, vec![json!("first"), json!("second")])
}

async fn foreign_thread_is_hidden(test: &Test) -> Outcome {
    let (ada, bob) = (test.user().await?, test.user().await?);
    let path = format!("/api/threads/{}", test.thread(&ada, "private").await?);
    test.get(Target::Backend, &path, Some(&bob.token))
        .await?
        .expect(test, 404)?;
    let list = test
        .get(Target::Backend, "/api/threads", Some(&bob.token))
        .await?;
    test.equal(
        "threads of the other",
        list.list_at(test, "threads")?.len(),
        0,
    )?;
    test.get(Target::Backend, &path, Some(&ada.token))
        .await?
        .expect(test, 200)
}

async fn foreign_messages_are_hidden(test: &Test) -> Outcome {
    let (ada, bob) = (test.user().await?, test.user().await?);
    let path = format!(
        "/api/threads/{}/messages",
        test.thread(&ada, "private").await?
    );
    test.get(Target::Backend, &path, Some(&bob.token))
        .await?
        .expect(test, 404)?;
    let body = json!({"text": "let me in"});
    test.post(Target::Backend, &path, Some(&bob.token), body)
        .await?
        .expect(test, 404)?;
    let own = test.get(Target::Backend, &path, Some(&ada.token)).await?;
    own.expect(test, 200)?;
    test.equal("messages", own.list_at(test, "messages")?.len(), 0)
}

async fn empty_title_is_refused(test: &Test) -> Outcome {
    let session = test.user().await?;
    for body in [json!({}), json!({"title": ""}), json!({"title": 7})] {
        let answer = test
            .post(Target::Backend, "/api/threads", Some(&session.token), body)
            .await?;
        answer.expect(test, 400)?;
    }
    Ok(())
}

async fn unknown_thread_is_not_found(test: &Test) -> Outcome {
    let session = test.user().await?;
    let path = "/api/threads/00000000-0000-4000-8000-000000000000";
    test.get(Target::Backend, path, Some(&session.token))
        .await?
        .expect(test, 404)
}
