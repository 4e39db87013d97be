using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>The OpenAPI 3.1 document, made from the table of routes, the table of errors and <c>schemas.json</c>.</summary>
internal static class OpenApiDocument
{
    private const string Problem = "Problem";
    private const string ProblemRef = "#/components/responses/Problem";

    public static ReadOnlyMemory<byte> Write(IReadOnlyList<HttpRoute> routes)
    {
        var document = new ArrayBufferWriter<byte>();
        JsonForm.Write(document, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("openapi", "3.1.0");
            WriteInfo(writer);
            writer.WriteStartObject("paths");
            foreach (var path in routes.GroupBy(route => route.Template))
            {
                writer.WriteStartObject(path.Key);
                foreach (var route in path)
                    WriteOperation(writer, route);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            WriteComponents(writer);
            writer.WriteEndObject();
        });
        return document.WrittenMemory;
    }

    /// <summary>The schemas by name, as they stand in the document.</summary>
    internal static JsonDocument Schemas()
    {
        using var stream = typeof(OpenApiDocument).Assembly.GetManifestResourceStream("schemas.json")!;
        return JsonDocument.Parse(stream);
    }

    private static void WriteInfo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("info");
        writer.WriteString("title", "OrleansMq");
        writer.WriteString("version", "1");
        writer.WriteString("description", "A refused request is a problem document with a stable code. Nothing has changed when one is returned, except under the code "
            + "outcome-unknown: then the same tokens may be sent again.");
        writer.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter writer, HttpRoute route)
    {
        writer.WriteStartObject(route.Method.ToLowerInvariant());
        writer.WriteString("operationId", route.Name);
        writer.WriteString("summary", route.Summary);
        writer.WriteStartArray("parameters");
        foreach (var parameter in route.Parameters)
            WriteParameter(writer, parameter, "path", true, null, SchemaOfPath(parameter));
        foreach (var parameter in route.Query)
            WriteParameter(writer, parameter.Name, "query", parameter.Required, parameter.Text, parameter.Schema);
        writer.WriteEndArray();
        if (route.Body != BodyKind.None)
            WriteRequestBody(writer, route);
        WriteResponses(writer, route);
        writer.WriteEndObject();
    }

    private static void WriteParameter(Utf8JsonWriter writer, string name, string place, bool required, string? text, string schema)
    {
        writer.WriteStartObject();
        writer.WriteString("name", name);
        writer.WriteString("in", place);
        writer.WriteBoolean("required", required);
        if (text is not null)
            writer.WriteString("description", text);
        writer.WritePropertyName("schema");
        writer.WriteRawValue(schema);
        writer.WriteEndObject();
    }

    private static void WriteRequestBody(Utf8JsonWriter writer, HttpRoute route)
    {
        writer.WriteStartObject("requestBody");
        writer.WriteBoolean("required", route.Body != BodyKind.OptionalJson);
        if (route.Body == BodyKind.Octets)
            WriteContent(writer, "application/octet-stream", null);
        else
            WriteContent(writer, "application/json", route.RequestSchema);
        writer.WriteEndObject();
    }

    private static void WriteResponses(Utf8JsonWriter writer, HttpRoute route)
    {
        writer.WriteStartObject("responses");
        foreach (var status in route.Statuses)
        {
            writer.WriteStartObject(status.ToString(CultureInfo.InvariantCulture));
            writer.WriteString("description", ReasonPhrases.GetReasonPhrase(status));
            if (route.AnswerSchema is not null)
                WriteContent(writer, "application/json", route.AnswerSchema);
            else if (route.AnswerType is not null)
                WriteContent(writer, route.AnswerType, null);
            writer.WriteEndObject();
        }
        foreach (var status in HttpErrors.Table.Values.Select(error => error.Status).Distinct().Order())
        {
            writer.WriteStartObject(status.ToString(CultureInfo.InvariantCulture));
            writer.WriteString("$ref", ProblemRef);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter writer, string type, string? schema)
    {
        writer.WriteStartObject("content");
        writer.WriteStartObject(type);
        if (schema is not null)
        {
            writer.WriteStartObject("schema");
            writer.WriteString("$ref", $"#/components/schemas/{schema}");
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteComponents(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("components");
        writer.WriteStartObject("schemas");
        using (var schemas = Schemas())
            foreach (var schema in schemas.RootElement.EnumerateObject())
                schema.WriteTo(writer);
        WriteCodes(writer);
        writer.WriteEndObject();
        writer.WriteStartObject("responses");
        writer.WriteStartObject(Problem);
        writer.WriteString("description", "Refused; RFC 9457. 429 and 503 have Retry-After.");
        WriteContent(writer, Http.Problem.ContentType, Problem);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteCodes(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("Code");
        writer.WriteString("type", "string");
        writer.WriteStartArray("enum");
        foreach (var code in HttpErrors.Table.Keys)
            writer.WriteStringValue(code);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static string SchemaOfPath(string parameter) => parameter switch
    {
        "partition" => """{"type":"integer","minimum":0}""",
        "id" => """{"type":"string"}""",
        "user" => """{"type":"string","pattern":"^[A-Za-z0-9._@-]{1,128}$"}""",
        _ => """{"type":"string","pattern":"^[A-Za-z0-9._-]{1,249}$"}""",
    };
}
