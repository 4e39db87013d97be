using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using OrleansMq.Core.Limits;
using OrleansMq.Core.Routing;
using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;

namespace OrleansMq.Core.Catalog;

/// <summary>Stored JSON documents: an explicit version, lengths in milliseconds, and fields that are not known are passed over.</summary>
internal static class JsonDocuments
{
    private const int KnownVersion = 1;

    public static byte[] Write<T>(T form, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(form, type);

    /// <param name="newest">A document whose later version holds what an earlier program would lose.</param>
    public static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, string what, Func<T, int> version, int newest = KnownVersion) where T : class
    {
        T? form;
        try
        {
            form = JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException e)
        {
            throw new StateFormatException($"The {what} can't be read: {e.Message}", e);
        }
        StateReader.Check(form is not null, $"The {what} is empty.");
        var written = version(form!);
        if (written < KnownVersion || written > newest)
            throw new StateFormatException($"The {what} has version {written}; this program reads version {(newest == KnownVersion ? "" : $"{KnownVersion} to ")}{newest}.") { IsNewer = written > newest };
        return form!;
    }

    /// <summary>What a well-formed document says in values that can't be is as bad as one that is damaged.</summary>
    public static T Checked<T>(string what, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is MqException or OverflowException or ArgumentException)
        {
            throw new StateFormatException($"The {what} holds what can't be: {e.Message}", e);
        }
    }
}

/// <summary>Choices are stored by their names, never by number.</summary>
internal sealed class ByName<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false) where T : struct, Enum;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters =
    [
        typeof(ByName<Acks>), typeof(ByName<WhenFull>), typeof(ByName<GroupStyle>), typeof(ByName<StartKind>), typeof(ByName<WhenExpired>), typeof(ByName<ExchangeKind>), typeof(ByName<TransactionPhase>), typeof(ByName<GroupKind>),
    ])]
[JsonSerializable(typeof(TopicForm))]
[JsonSerializable(typeof(GroupForm))]
[JsonSerializable(typeof(CoordinationForm))]
[JsonSerializable(typeof(NameIndexForm))]
[JsonSerializable(typeof(ExchangeForm))]
[JsonSerializable(typeof(TransactionForm))]
[JsonSerializable(typeof(AdmissionLedgerForm))]
internal sealed partial class CatalogJson : JsonSerializerContext;
