namespace OrleansMq.Cli;

/// <summary>The three streams of one run, and which of them a person is looking at.</summary>
public sealed record MqConsole(TextReader In, TextWriter Out, TextWriter Error)
{
    /// <summary>Tables and colour on standard output; otherwise plain lines.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>A moving progress bar on standard error; otherwise none.</summary>
    public bool ErrorIsTerminal { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Asks a person for a secret, without showing it; null where nobody sits there.</summary>
    public Func<string, string>? AskSecret { get; init; }

    /// <summary>Opens a text for editing and returns what became of it; null where there is no editor.</summary>
    public Func<string, string>? Edit { get; init; }
}

/// <summary>What the user wrote can't be done as written: exit code 2.</summary>
public sealed class UsageException(string message) : Exception(message);

/// <summary>Whoever read standard output has gone (<c>mq browse … | head</c>): end quietly.</summary>
public sealed class OutputClosedException(Exception inner) : Exception("Standard output is closed.", inner);
