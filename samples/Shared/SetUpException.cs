namespace OrleansMq.Samples;

/// <summary>The sample can't begin; nothing was proved or disproved.</summary>
internal sealed class SetUpException(string message) : Exception(message);
