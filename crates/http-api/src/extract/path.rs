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
        let text = request.match_info().iter().next().map_or("", |(_, text)| text);
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse::<i64>().ok().filter(|_| plain).and_then(|number| T::try_from(number).ok());
        ready(id.map(Self).ok_or(ApiError::NotFound))
    }
}
