use std::future::ready;
use std::pin::pin;
use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use super::carry::carry_out;
use super::desk::Outcome;
use super::hear::{Heard, hear, rendered};
use super::{Assistants, page};
use crate::middleware::{Marks, answer_to};
use crate::routes::refuse_method;
use crate::{ApiError, PublicUrl};

/// Where assistants speak with the service.
pub(crate) const PATH: &str = "/mcp";

/// Whether the request is a message of an assistant.
pub(crate) fn is_message(request: &ServiceRequest) -> bool {
    request.path() == PATH && request.method() == Method::POST
}

/// Says which methods there are; messages do not come so far.
pub(crate) fn route(app: &mut web::ServiceConfig) {
    app.service(web::resource(PATH).default_service(web::to(|| ready(refuse_method(&["post"])))));
}

/// Answers the messages of assistants. A call of a tool goes on as the request that it stands for, through all that
/// lies further in: safe retries, routes, handlers.
pub(crate) async fn talk(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let assistants = (request.path() == PATH).then(|| request.app_data::<web::Data<Assistants>>().cloned()).flatten();
    match assistants {
        // Apart, so that no other request has to make room for what a conversation takes.
        Some(assistants) => Box::pin(talk_with(&assistants, request, next)).await,
        None => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    }
}

async fn talk_with(
    assistants: &Assistants,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let marks = request.extensions().get::<Rc<Marks>>().cloned().unwrap_or_default();
    marks.route.set(Some(PATH));
    let shown = request.headers().get(header::ORIGIN).cloned();
    let public_url = request.app_data::<web::Data<PublicUrl>>().cloned();
    let is_allowed = public_url.is_some_and(|url| assistants.origins.allow(request.request(), &url));
    let mut response = if !is_allowed {
        let refusal = ApiError::AccessDenied("Pages of this origin are not allowed here.".to_owned());
        refuse(request, refusal, &marks)
    } else if request.method() == Method::OPTIONS && shown.is_some() {
        request.into_response(page::preflight())
    } else if request.method() == Method::POST {
        converse(assistants, request, &next, &marks).await?
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    if let Some(origin) = shown.filter(|_| is_allowed) {
        page::let_read(response.headers_mut(), origin);
    }
    Ok(response)
}

fn refuse(request: ServiceRequest, error: ApiError, marks: &Marks) -> ServiceResponse<BoxBody> {
    request.into_response(answer_to(&error.into(), marks).to_response())
}

/// Hands a message over, and carries out what is asked for on its behalf.
async fn converse(
    assistants: &Assistants,
    mut request: ServiceRequest,
    next: &Next<impl MessageBody + 'static>,
    marks: &Marks,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Heard { message, mut calls, over_limit } = match hear(&mut request).await {
        Ok(heard) => heard,
        Err(error) => return Ok(refuse(request, error, marks)),
    };
    let mut over_limit = over_limit.map(|refusal| answer_to(&refusal.into(), marks).into_body());
    let mut answer = pin!(assistants.protocol.answer(message));
    let mut unused = Some(request);
    let mut used = None;
    let reply = loop {
        tokio::select! {
            reply = &mut answer => break reply,
            Some(call) = calls.recv() => {
                let outcome = match (over_limit.take(), unused.take()) {
                    (Some(refusal), request) => {
                        unused = request;
                        Outcome { is_error: true, body: Some(refusal) }
                    }
                    (None, Some(request)) => {
                        let (request, outcome) = carry_out(call.tool, call.arguments, request, next, marks).await?;
                        used = Some(request);
                        outcome
                    }
                    (None, None) => Outcome { is_error: true, body: None },
                };
                // Nobody waits for it any more when the client has hung up.
                let _ = call.answer.send(outcome);
            }
        }
    };
    let request = unused.map(|request| request.into_parts().0).or(used);
    let request = request.ok_or_else(|| ApiError::Internal("the request is gone".into()))?;
    Ok(ServiceResponse::new(request, rendered(reply)))
}
