namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.MqErrorSurrogate")]
internal readonly record struct MqErrorSurrogate(string Code, string Detail, TimeSpan? RetryAfter);

[RegisterConverter]
internal sealed class MqErrorConverter : IConverter<MqError, MqErrorSurrogate>
{
    public MqError ConvertFromSurrogate(in MqErrorSurrogate surrogate) => new(surrogate.Code, surrogate.Detail, surrogate.RetryAfter);

    public MqErrorSurrogate ConvertToSurrogate(in MqError value) => new(value.Code, value.Detail, value.RetryAfter);
}

/// <summary>A refusal crosses as its data; where it was thrown and what lies behind it stay where they are.</summary>
[GenerateSerializer, Alias("OrleansMq.MqExceptionSurrogate")]
internal readonly record struct MqExceptionSurrogate(string Code, string Detail, TimeSpan? RetryAfter);

[RegisterConverter]
internal sealed class MqExceptionConverter : IConverter<MqException, MqExceptionSurrogate>
{
    public MqException ConvertFromSurrogate(in MqExceptionSurrogate surrogate) => new(surrogate.Code, surrogate.Detail, surrogate.RetryAfter);

    public MqExceptionSurrogate ConvertToSurrogate(in MqException value) => new(value.Code, value.Message, value.RetryAfter);
}
