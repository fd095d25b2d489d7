"""How an error looks on the wire (RFC 9457)."""

from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel):
    """One field that is wrong."""

    field: str = Field(description="Where it is: a name in the body, or `query.limit`.")
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Why a request was not granted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:aryl:problem:missing",
                    "title": "There is nothing by that name",
                    "status": 404,
                    "detail": "there is no job bert-7",
                    "instance": "/api/v1/jobs/bert-7",
                }
            ]
        }
    )

    type: str = Field(description="The kind of problem, for programs; it stays the same.")
    title: str = Field(description="What all problems of this kind have in common.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, for people.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[FieldError] | None = Field(
        default=None, description="The fields that are wrong, where fields are."
    )
