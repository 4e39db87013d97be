using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>Who asks: the requests that find it out.</summary>
internal sealed partial class KafkaCalls
{
    private Task<bool> SaslHandshake(short version, SaslHandshakeRequest request, KafkaWriter writer)
    {
        var (error, offered) = login.Begin(version, request.Mechanism);
        SaslHandshakeResponse.Write(writer, error, offered);
        writer.IsLast = error != KafkaError.None;
        return Answered;
    }

    private async Task<bool> SaslAuthenticate(short version, SaslAuthenticateRequest request, KafkaWriter writer)
    {
        var answer = await login.Next(request.Message, ended);
        SaslAuthenticateResponse.Write(writer, version, answer);
        writer.IsLast = answer.Error != KafkaError.None;
        return true;
    }

    /// <summary>After SaslHandshake 0 a frame is the mechanism's message, and so is its answer. They have no way to say that it is wrong: the connection is closed.</summary>
    private async ValueTask<KafkaWriter> AnswerMessage(ReadOnlyMemory<byte> message)
    {
        var answer = await login.Next(message, ended);
        if (answer.Error != KafkaError.None)
            throw new MalformedRequestException(answer.Message ?? "");
        var writer = new KafkaWriter();
        writer.Raw(answer.Bytes.Span);
        return writer;
    }
}
