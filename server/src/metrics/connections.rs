//! What is counted of connections to the server.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The label of who serves connections: `http` or `grpc`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaceLabel {
    face: &'static str,
}

/// What is counted of the connections of one face.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// Open now.
    pub now: Gauge,
    /// Closed at once: there was no place, and none was idle.
    pub refused: Counter,
    /// Closed for another one, being idle.
    pub displaced: Counter,
}

/// Of all faces.
#[derive(Debug, Default)]
pub(super) struct ConnectionMetrics {
    now: Family<FaceLabel, Gauge>,
    refused: Family<FaceLabel, Counter>,
    displaced: Family<FaceLabel, Counter>,
}

impl ConnectionMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "connections",
            "Connections to the server that are open now",
            self.now.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections closed at once: there was no place, and none was idle",
            self.refused.clone(),
        );
        registry.register(
            "connections_displaced",
            "Idle connections closed to make room for others",
            self.displaced.clone(),
        );
    }

    pub(super) fn of(&self, face: &'static str) -> Connections {
        let label = &FaceLabel { face };
        Connections {
            now: self.now.get_or_create(label).clone(),
            refused: self.refused.get_or_create(label).clone(),
            displaced: self.displaced.get_or_create(label).clone(),
        }
    }
}
