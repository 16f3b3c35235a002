use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use seo::{InvalidResult, LighthouseResult, PageSpeedResult, Submission};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::body::ReportBody;
use crate::ApiError;
use crate::error::sentence;
use crate::extract::{parse, read_body, require_json};

/// Where reports come in.
pub(crate) const REPORT_PATH: &str = "/api/v1/seo/report";
/// The largest report, in bytes: a result of Lighthouse is half a megabyte and more.
pub(crate) const MAX_REPORT_BYTES: usize = 8 * 1024 * 1024;

/// The report in the request's body, in whichever of its forms.
pub(crate) struct Submitted(pub(crate) Submission);

impl FromRequest for Submitted {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let body = read_body(&request, payload).await?;
            require_json(&request)?;
            // Reading megabytes takes long enough to keep other requests of this thread waiting.
            let read = web::block(move || read(&body)).await;
            read.map_err(|error| ApiError::Internal(error.into()))?.map(Self)
        })
    }
}

/// What tells the forms apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marks {
    lighthouse_result: Option<IgnoredAny>,
    lighthouse_version: Option<IgnoredAny>,
    audits: Option<IgnoredAny>,
    categories: Option<IgnoredAny>,
}

fn read(body: &[u8]) -> Result<Submission, ApiError> {
    let marks: Marks = parse(body)?;
    if marks.lighthouse_result.is_some() {
        parse::<PageSpeedResult>(body)?.try_into().map_err(|fault| refused("lighthouseResult.", &fault))
    } else if marks.lighthouse_version.is_some() || marks.audits.is_some() || marks.categories.is_some() {
        parse::<LighthouseResult>(body)?.try_into().map_err(|fault| refused("", &fault))
    } else {
        parse::<ReportBody>(body)?.into_submission()
    }
}

fn refused(within: &str, fault: &InvalidResult) -> ApiError {
    ApiError::field(&format!("{within}{}", fault.field()), sentence(&fault.to_string()))
}
