//! `GetMetrics`: the request checked, the host read within the budget, the answer sent.

use std::{sync::Arc, time::Duration};

use roundsman_proto::v1::{GetMetricsRequest, Snapshot, probe_server::Probe};
use tonic::{Request, Response, Status};

use super::memo::Memo;
use crate::{budget, clock::Clocks, collect::Collector};

/// The one call of the contract.
#[derive(Debug)]
pub(super) struct Metrics {
    collector: Arc<Collector>,
    most: Duration,
    memo: Memo,
}

impl Metrics {
    pub(super) fn new(collector: Arc<Collector>, most: Duration) -> Self {
        Self { collector, most, memo: Memo::default() }
    }
}

#[tonic::async_trait]
impl Probe for Metrics {
    async fn get_metrics(
        &self,
        request: Request<GetMetricsRequest>,
    ) -> Result<Response<Snapshot>, Status> {
        let until = budget::until(&request, self.most);
        let wanted = self
            .memo
            .wanted(request.into_inner())
            .map_err(|bad| Status::invalid_argument(one_line(&bad.to_string())))?;
        Ok(Response::new(self.collector.collect(&wanted, Clocks::now(), until)))
    }
}

/// A pattern's error draws a caret below the pattern; a status message is one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
