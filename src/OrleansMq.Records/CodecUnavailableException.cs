namespace OrleansMq.Records;

/// <summary>The records are compressed with a codec that this build carries but cannot open.</summary>
public sealed class CodecUnavailableException : NotSupportedException
{
    public CodecUnavailableException(CompressionCodec codec)
        : base($"Records compressed with {codec} cannot be opened in this process: no codec was given to RecordCodecs (OrleansMq.Compression has them).") => Codec = codec;

    public CodecUnavailableException() : base("The codec is unavailable.")
    {
    }

    public CodecUnavailableException(string message) : base(message)
    {
    }

    public CodecUnavailableException(string message, Exception innerException) : base(message, innerException)
    {
    }

    public CompressionCodec Codec { get; }
}
