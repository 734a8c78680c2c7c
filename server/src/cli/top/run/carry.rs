//! What is asked of the server and what it is ordered to do, each in a task of its own, which brings what
//! came of it.

use serde_json::Value;
use tokio::sync::mpsc;

use super::NetworkMessage;
use crate::{
    cli::{
        CliError,
        ask::Asker,
        failure::in_one_line,
        top::{
            deed::Order,
            detail::{Ask, Story},
        },
    },
    units::WallMs,
};

/// Asks for the story of one host.
pub(super) async fn tell(asker: Asker, ask: Ask, news: mpsc::Sender<NetworkMessage>) {
    let asked = async {
        let (why, series) = (asker.get(&ask.why).await?, asker.get(&ask.series).await?);
        Ok::<_, CliError>((why, series, asker.get(&ask.rows).await?))
    };
    let story = match asked.await {
        Ok((why, series, rows)) => {
            Story::read(why, series, rows).map(Box::new).map_err(|error| error.to_string())
        }
        Err(error) => Err(in_one_line(&error)),
    };
    // Nobody waits any more when this fails.
    let _ended = news.send(NetworkMessage::Host(ask.name, story)).await;
}

/// Asks for a list.
pub(super) async fn tell_list(
    asker: Asker,
    path: String,
    news_of: fn(Result<Box<Value>, String>) -> NetworkMessage,
    news: mpsc::Sender<NetworkMessage>,
) {
    let told = asker.get(&path).await.map(Box::new).map_err(|error| in_one_line(&error));
    // Nobody waits any more when this fails.
    let _ended = news.send(news_of(told)).await;
}

/// Has the server do what is ordered.
pub(super) async fn carry_out(
    asker: Asker,
    order: Order,
    now: WallMs,
    news: mpsc::Sender<NetworkMessage>,
) {
    let told = post(&asker, &order, now).await.map_err(|error| in_one_line(&error));
    // Nobody waits any more when this fails.
    let _ended = news.send(NetworkMessage::Done(order.deed, told)).await;
}

async fn post(asker: &Asker, order: &Order, now: WallMs) -> Result<String, CliError> {
    let Some(alarms) = order.alarms() else {
        let answer = asker.post(&order.path(), &order.body).await?;
        return Ok(order.told(&answer, 1, now));
    };
    let all = order.each(&asker.get(&alarms).await?);
    for one in &all {
        asker.post(&one.path(), &one.body).await?;
    }
    Ok(order.told(&Value::Null, all.len(), now))
}
