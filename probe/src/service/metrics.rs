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
        let wanted = self.memo.wanted(request.into_inner(), until).await?;
        Ok(Response::new(self.collector.collect(&wanted, Clocks::now(), until)))
    }
}
