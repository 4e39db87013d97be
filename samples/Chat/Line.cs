using System.Globalization;

namespace OrleansMq.Samples.Chats;

/// <summary>A line on a screen: its number among the writer's stands for a text.</summary>
internal sealed record Line(string From, int Number)
{
    public static Line Of(StoredMessage message) => new(message.KeyText!, int.Parse(message.BodyText, CultureInfo.InvariantCulture));
}
