//! The table `delivery`: what became of each message to a channel.

use std::sync::Arc;

use mysql_async::{Transaction, Value, prelude::Queryable as _};

use super::{fault::Place, moment};
use crate::{
    model::Delivery,
    store::{StoreError, row},
};

/// Keeps what became of messages, each once.
pub(super) async fn keep(
    transaction: &mut Transaction<'_>,
    deliveries: &[Arc<Delivery>],
    place: &Place,
) -> Result<(), StoreError> {
    for delivery in deliveries {
        keep_one(transaction, delivery, place).await?;
    }
    Ok(())
}

async fn keep_one(
    transaction: &mut Transaction<'_>,
    delivery: &Delivery,
    place: &Place,
) -> Result<(), StoreError> {
    let named = || row::delivery_name(delivery);
    let moments = [delivery.made, delivery.first_tried, delivery.ended];
    if moments.iter().any(|at| moment::day(*at).is_none()) {
        let why = "a DATETIME has years 1000 to 9999".to_owned();
        return Err(StoreError::BadRow { row: named(), why });
    }
    let values: Vec<Value> = vec![
        (&*delivery.message).into(),
        (&*delivery.channel).into(),
        (&*delivery.route).into(),
        (&*delivery.kind).into(),
        moment::datetime(delivery.made),
        moment::datetime(delivery.first_tried),
        moment::datetime(delivery.ended),
        delivery.state.as_str().into(),
        Value::UInt(delivery.tries.into()),
        delivery.answer.as_deref().into(),
        Value::UInt(delivery.told.into()),
        row::told(&delivery.alarms).into(),
    ];
    transaction
        .exec_drop(
            "INSERT INTO delivery
               (message, channel, route, kind, made, first_tried, ended, state, tries, answer, told,
                alarms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON DUPLICATE KEY UPDATE message = VALUES(message)",
            values,
        )
        .await
        .map_err(|error| place.row_fault("keep what became of a message", named, error))
}
