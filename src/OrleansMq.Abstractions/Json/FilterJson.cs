namespace OrleansMq.Json;

/// <summary>A filter in JSON: its text, or an object of headers that are to be equal.</summary>
public static class FilterJson
{
    private const int MaxHeaders = 1_000;

    /// <returns>The text; what it says is checked by the broker.</returns>
    public static string Read(JsonSpot spot)
    {
        if (!spot.IsObject)
            return spot.Text(GroupSettings.MaxFilterLength);
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var field in spot.Fields())
            headers.Add(KeyValuePair.Create(field.Name, headers.Count < MaxHeaders ? field.Text() : throw new MqException(ErrorCodes.Malformed, $"{spot.Path}: a filter names fewer headers.")));
        return headers.Count > 0 ? HeaderFilter.AllOf(headers) : throw new MqException(ErrorCodes.Malformed, $"{spot.Path}: a filter names a header.");
    }
}
