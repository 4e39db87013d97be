using System.Text.RegularExpressions;

namespace OrleansMq.Gateways.Kafka;

/// <summary>A regular expression for topics' names, of the whole name. It takes time in proportion to the name, whatever it is: nothing is tried twice, so it knows no references back and no look around.</summary>
internal sealed class TopicPattern
{
    private readonly Regex _regex;

    private TopicPattern(string text, Regex regex) => (Text, _regex) = (text, regex);

    public string Text { get; }

    /// <returns>Null, and why not.</returns>
    public static TopicPattern? Parse(string text, out string? why)
    {
        why = null;
        if (text.Length > MaxLength)
        {
            why = $"A pattern has {MaxLength} characters at most.";
            return null;
        }
        try
        {
            // By itself first: what is none could be one with what stands around it, and mean something else.
            _ = new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return new TopicPattern(text, new Regex($@"\A(?:{text})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            why = e.Message;
            return null;
        }
    }

    public const int MaxLength = 1_024;

    public bool Matches(string topic) => _regex.IsMatch(topic);
}
