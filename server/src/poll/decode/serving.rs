//! The probe's own health on the wire: the question and its answer.

use prost::{
    Message as _,
    bytes::{Buf, Bytes},
};
use roundsman_proto::health::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};

use super::DecodeError;

/// What the probe's own health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// It serves.
    Yes,
    /// It says it does not.
    No,
    /// It does not know.
    Unknown,
}

/// The encoded request for the whole probe's health.
pub(in crate::poll) fn health_request() -> Bytes {
    HealthCheckRequest { service: String::new() }.encode_to_vec().into()
}

/// The answer to [`health_request`].
pub(in crate::poll) fn serving(answer: impl Buf) -> Result<Serving, DecodeError> {
    Ok(match HealthCheckResponse::decode(answer)?.status() {
        ServingStatus::Serving => Serving::Yes,
        ServingStatus::NotServing => Serving::No,
        ServingStatus::Unknown | ServingStatus::ServiceUnknown => Serving::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_serving_or_not_or_does_not_know() {
        let answer = |status: ServingStatus| {
            serving(HealthCheckResponse { status: status.into() }.encode_to_vec().as_slice())
                .unwrap()
        };
        assert_eq!(answer(ServingStatus::Serving), Serving::Yes);
        assert_eq!(answer(ServingStatus::NotServing), Serving::No);
        assert_eq!(answer(ServingStatus::ServiceUnknown), Serving::Unknown);
    }
}
