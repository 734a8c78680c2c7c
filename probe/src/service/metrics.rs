//! `GetMetrics`: the request checked, the host read within the budget, the answer sent.

use std::{sync::Arc, time::Duration};

use roundsman_proto::v1::{GetMetricsRequest, Snapshot, probe_server::Probe};
use tonic::{Request, Response, Status};

use super::{access::Access, memo::Memo};
use crate::{budget, clock::Clocks, collect::Collector};

/// The one call of the contract.
#[derive(Debug)]
pub(super) struct Metrics {
    collector: Arc<Collector>,
    most: Duration,
    memo: Memo,
    access: Access,
}

impl Metrics {
    pub(super) fn new(collector: Arc<Collector>, most: Duration, access: Access) -> Self {
        Self { collector, most, memo: Memo::default(), access }
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
        let mut snapshot = self.collector.collect(&wanted, Clocks::now(), until);
        if let Some(identity) = &mut snapshot.identity {
            identity.certificate_ends_s = self.access.ends();
        }
        Ok(Response::new(snapshot))
    }
}
