using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>A JSON value and where it stands in its document, so that a refusal can name the place.</summary>
/// <remarks>
/// Every read either gives a value in its range or throws an <see cref="MqException"/> with <see cref="ErrorCodes.Malformed"/>. A strict spot
/// (a request) refuses field names that nobody reads and names that come twice: a typing error must not be lost silently. A lenient one
/// (an answer) passes over what it does not know, because later brokers may say more.
/// </remarks>
public readonly struct JsonSpot
{
    private readonly Trail? _within;
    private readonly string? _name;
    private readonly int _index;

    private JsonSpot(JsonElement value, bool strict, Trail? within, string? name, int index) =>
        (Value, Strict, _within, _name, _index) = (value, strict, within, name, index);

    /// <summary>The root of a document.</summary>
    public JsonSpot(JsonElement root, bool strict) : this(root, strict, null, null, -1)
    {
    }

    public JsonElement Value { get; }

    /// <summary>Whether unknown and repeated fields are refused, and lengths are limited.</summary>
    public bool Strict { get; }

    /// <summary>The field's name; empty where this is no field.</summary>
    public string Name => _name ?? "";

    /// <summary>For example <c>$[3].headers.source</c>.</summary>
    public string Path => new Trail(_within, _name, _index).ToString();

    public bool IsNull => Value.ValueKind == JsonValueKind.Null;

    public bool IsArray => Value.ValueKind == JsonValueKind.Array;

    public bool IsObject => Value.ValueKind == JsonValueKind.Object;

    /// <summary>The fields of an object, in order.</summary>
    public IEnumerable<JsonSpot> Fields()
    {
        if (!IsObject)
            throw Wrong("an object");
        var here = new Trail(_within, _name, _index);
        var seen = Strict ? new HashSet<string>(StringComparer.Ordinal) : null;
        foreach (var property in Value.EnumerateObject())
        {
            var field = new JsonSpot(property.Value, Strict, here, NameOf(property, here), -1);
            if (seen?.Add(field.Name) == false)
                throw field.Malformed("stands here twice");
            yield return field;
        }
    }

    /// <summary>The items of an array.</summary>
    /// <param name="max">More are refused, where this is a request.</param>
    public IReadOnlyList<T> Items<T>(int max, Func<JsonSpot, T> read)
    {
        if (!IsArray)
            throw Wrong("an array");
        var count = Value.GetArrayLength();
        if (Strict && count > max)
            throw Malformed(string.Create(CultureInfo.InvariantCulture, $"has {count} items, and {max} are the limit"));
        var here = new Trail(_within, _name, _index);
        var items = new List<T>(count);
        foreach (var item in Value.EnumerateArray())
            items.Add(read(new JsonSpot(item, Strict, here, null, items.Count)));
        return items;
    }

    /// <summary>What a reader says of a field it has no use for.</summary>
    public void Unknown()
    {
        if (Strict)
            throw Malformed("is no field of this request");
    }

    /// <inheritdoc cref="Unknown()"/>
    public T Unknown<T>(T passedOn)
    {
        Unknown();
        return passedOn;
    }

    public bool Flag() => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("true or false"),
    };

    public int Int32(int min = int.MinValue, int max = int.MaxValue) => (int)Int64(min, max);

    public long Int64(long min = long.MinValue, long max = long.MaxValue)
    {
        if (Value.ValueKind != JsonValueKind.Number)
            throw Wrong("a whole number");
        var whole = Value.TryGetInt64(out var number);
        if (whole && number >= min && number <= max)
            return number;
        // The end of a type is nobody's limit: the setting's own is said where the setting is checked.
        throw Malformed(whole && number < min && max is int.MaxValue or long.MaxValue
            ? string.Create(CultureInfo.InvariantCulture, $"is below {min}")
            : string.Create(CultureInfo.InvariantCulture, $"is not a whole number from {min} to {max}"));
    }

    /// <summary>A number above 0.</summary>
    public double Rate()
    {
        if (Value.ValueKind != JsonValueKind.Number)
            throw Wrong("a number");
        if (!Value.TryGetDouble(out var number) || !double.IsFinite(number) || number <= 0)
            throw Malformed("is not a number above 0");
        return number;
    }

    /// <summary>A number from 0 to 1.</summary>
    public double Fraction()
    {
        if (Value.ValueKind != JsonValueKind.Number)
            throw Wrong("a number");
        return Value.TryGetDouble(out var number) && number is >= 0 and <= 1 ? number : throw Malformed("is not a number from 0 to 1");
    }

    public TimeSpan Milliseconds(long min = 0, long max = Durations.MaxMs) => TimeSpan.FromMilliseconds(Int64(min, max));

    /// <param name="maxChars">More are refused, where this is a request.</param>
    public string Text(int maxChars = 1024)
    {
        if (Value.ValueKind != JsonValueKind.String)
            throw Wrong("a text");
        string text;
        try
        {
            text = Value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Malformed("holds half of a surrogate pair");
        }
        if (Strict && text.Length > maxChars)
            throw Malformed(string.Create(CultureInfo.InvariantCulture, $"has {text.Length} characters, and {maxChars} are the limit"));
        return text;
    }

    public byte[] Utf8(int maxChars = int.MaxValue) => Encoding.UTF8.GetBytes(Text(maxChars));

    public byte[] Base64()
    {
        if (Value.ValueKind != JsonValueKind.String)
            throw Wrong("a text in base64");
        return Value.TryGetBytesFromBase64(out var bytes) ? bytes : throw Malformed("is not base64");
    }

    /// <summary>The value's own bytes, whatever it is.</summary>
    public byte[] Raw() => System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(Value).ToArray();

    public DateTimeOffset Time() =>
        TimeText.TryParse(Text(), out var time) ? time : throw Malformed("is not an RFC 3339 time such as 2001-01-31T23:59:59Z");

    /// <summary><c>earliest</c>, <c>latest</c>, a time, or an offset as a number.</summary>
    public StartAt Start() => Value.ValueKind == JsonValueKind.Number
        ? StartAt.Offset(Int64(0))
        : TimeText.TryParseStart(Text(), out var start) && start.Kind != StartKind.Offset
            ? start
            : throw Malformed("is neither 'earliest', 'latest' nor an RFC 3339 time");

    /// <summary>One of some words.</summary>
    public T Word<T>(WordList<T> words) where T : struct, Enum =>
        words.TryRead(Text(), out var value) ? value : throw Malformed($"is none of {words}");

    /// <summary>Null restores the default.</summary>
    public Change<T> Change<T>(Func<JsonSpot, T> read) => IsNull ? OrleansMq.Change<T>.Default : OrleansMq.Change<T>.To(read(this));

    /// <summary>Null is as if the field were absent.</summary>
    public T? OrNull<T>(Func<JsonSpot, T> read) where T : struct => IsNull ? null : read(this);

    public Position Position()
    {
        int? partition = null;
        long? offset = null;
        foreach (var field in Fields())
        {
            if (field.Name == "partition")
                partition = field.Int32(0);
            else if (field.Name == "offset")
                offset = field.Int64(Strict ? 0 : -1);
            else
                field.Unknown();
        }
        return new Position(partition ?? throw Missing("partition"), offset ?? throw Missing("offset"));
    }

    public Guid Id() => Guid.TryParseExact(Text(), "D", out var id) ? id : throw Malformed("is no id that this broker gave");

    public LeaseId Lease() =>
        LeaseId.TryParse(Text(), out var lease) ? lease : throw Malformed("is no lease that this broker gave");

    public MqException Malformed(string what) => new(ErrorCodes.Malformed, $"{Path} {what}.");

    public MqException Missing(string field) => Malformed($"lacks the field '{field}'");

    private MqException Wrong(string expected) => Malformed($"should be {expected}, and is {Describe(Value.ValueKind)}");

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Null => "null",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Number => "a number",
        JsonValueKind.String => "a text",
        JsonValueKind.Array => "an array",
        _ => "an object",
    };

    private static string NameOf(JsonProperty property, Trail within)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw new MqException(ErrorCodes.Malformed, $"{within} has a field whose name holds half of a surrogate pair.");
        }
    }

    // The way from the root to a container; written out only for a refusal.
    private sealed record Trail(Trail? Within, string? Name, int Index)
    {
        private const int MaxNameChars = 80;

        public override string ToString() => Within is null
            ? "$"
            : Name is null
                ? string.Create(CultureInfo.InvariantCulture, $"{Within}[{Index}]")
                : $"{Within}.{(Name.Length <= MaxNameChars ? Name : Name[..MaxNameChars] + "…")}";
    }
}
