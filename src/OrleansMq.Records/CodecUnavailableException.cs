namespace OrleansMq.Records;

/// <summary>The records are compressed with a codec that this build carries but cannot open.</summary>
public sealed class CodecUnavailableException : NotSupportedException
{
    public CodecUnavailableException(CompressionCodec codec)
        : base($"Records compressed with {codec} cannot be opened by this build; let the producer use gzip or no compression.") => Codec = codec;

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
