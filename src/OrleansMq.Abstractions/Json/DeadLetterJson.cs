using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Redriving and discarding dead letters.</summary>
public static class DeadLetterJson
{
    private const int MaxPositions = 10_000;

    public static (DeadLetterSelection Selection, Message? Replace) ReadRedrive(JsonSpot spot) => Read(spot, mayReplace: true);

    public static DeadLetterSelection ReadDiscard(JsonSpot spot) => Read(spot, mayReplace: false).Selection;

    public static void Write(Utf8JsonWriter writer, DeadLetterSelection selection, Message? replace = null)
    {
        writer.WriteStartObject();
        if (selection.Everything)
            writer.WriteBoolean("all", true);
        else
            writer.WriteList("positions", selection.Positions, (w, position) => w.WritePosition(position));
        if (replace is not null)
        {
            writer.WritePropertyName("replace");
            MessageJson.Write(writer, replace);
        }
        writer.WriteEndObject();
    }

    private static (DeadLetterSelection Selection, Message? Replace) Read(JsonSpot spot, bool mayReplace)
    {
        IReadOnlyList<Position>? positions = null;
        var all = false;
        Message? replace = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "positions": positions = field.IsNull ? null : field.Items(MaxPositions, f => f.Position()); break;
                case "all": all = field.Flag(); break;
                case "replace" when mayReplace: replace = field.IsNull ? null : MessageJson.Read(field); break;
                default: field.Unknown(); break;
            }
        }
        if (all == positions is not null)
            throw spot.Malformed("should have one of 'positions' and 'all':true");
        return (all ? DeadLetterSelection.All : new DeadLetterSelection(positions!, false), replace);
    }
}
