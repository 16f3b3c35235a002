use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::ApiError;

/// The id in the path, whatever its name there.
///
/// What can't be an id is the id of nothing: it is answered like one that does not exist.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: TryFrom<i64> + 'static> FromRequest for PathId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.match_info().iter().next().map_or("", |(_, text)| text)).map(Self))
    }
}

/// The id of what lies within another resource: the path's second.
pub(crate) struct InnerId<T>(pub(crate) T);

impl<T: TryFrom<i64> + 'static> FromRequest for InnerId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().iter().nth(1).map_or("", |(_, text)| text);
        ready(read(text).map(Self))
    }
}

fn read<T: TryFrom<i64>>(text: &str) -> Result<T, ApiError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse::<i64>().ok().filter(|_| plain).and_then(|number| T::try_from(number).ok());
    id.ok_or(ApiError::NotFound)
}
