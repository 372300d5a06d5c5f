package dev.chancery.server;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.Upload;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/** The JSON object that a request to the admin API carries, read strictly. */
final class JsonBody {
  private static final Pattern RFC_3339 =
      Pattern.compile(
          "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?"
              + "(Z|[+-][0-9]{2}:[0-9]{2})");
  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private static final int LONGEST = 16 * 1024;

  private final ObjectNode json;

  private JsonBody(ObjectNode json) {
    this.json = json;
  }

  /**
   * Reads the object that a request carries; nothing at all is an empty one.
   *
   * @param known the members that it may have
   * @throws Refused when it is anything else
   * @throws IOException when it is too long, or does not come in time
   */
  static JsonBody of(Context context, Set<String> known) throws Refused, IOException {
    return parse(text(context), known);
  }

  /** The JSON of a request, as {@link #of} takes it. */
  static String text(Context context) throws IOException {
    byte[] octets = Upload.read(context.req().getInputStream(), LONGEST);
    return octets.length == 0 ? "{}" : new String(octets, StandardCharsets.UTF_8);
  }

  /**
   * Reads an object.
   *
   * @param known the members that it may have
   * @throws Refused when it is anything else
   */
  static JsonBody parse(String text, Set<String> known) throws Refused {
    JsonNode node;
    try {
      node = MAPPER.readTree(text);
    } catch (IOException e) {
      throw bad("the body is not JSON, or has a member twice");
    }
    if (!(node instanceof ObjectNode object)) {
      throw bad("the body is not a JSON object");
    }
    for (var member : object.properties()) {
      if (!known.contains(member.getKey())) {
        throw bad("the body has a member that is not known here; known are " + sorted(known));
      }
    }
    return new JsonBody(object);
  }

  private static String sorted(Set<String> known) {
    return String.join(", ", known.stream().sorted().toList());
  }

  /**
   * A text without control characters.
   *
   * @param longest in characters; empty is not a text either
   */
  Optional<String> text(String member, int longest) throws Refused {
    JsonNode node = json.get(member);
    if (node == null) {
      return Optional.empty();
    }
    String text = node.isTextual() ? node.textValue() : "";
    if (text.isBlank()
        || text.length() > longest
        || text.codePoints().anyMatch(JsonBody::isUnprintable)) {
      throw bad(member + " must be a line of 1 to " + longest + " characters");
    }
    return Optional.of(text);
  }

  private static boolean isUnprintable(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> false;
    };
  }

  /** A text that a parser takes; what the parser throws becomes the refusal. */
  <T> Optional<T> value(String member, int longest, Function<String, T> parser) throws Refused {
    Optional<String> text = text(member, longest);
    try {
      return text.map(parser);
    } catch (IllegalArgumentException e) {
      throw bad(member + ": " + e.getMessage());
    }
  }

  Optional<Instant> time(String member) throws Refused {
    Optional<String> text = text(member, 40);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      if (RFC_3339.matcher(text.get()).matches()) {
        return Optional.of(OffsetDateTime.parse(text.get()).toInstant());
      }
    } catch (DateTimeException e) {
      // Refused below: a month 13, for example.
    }
    throw bad(member + " is not an RFC 3339 time");
  }

  int requiredNumber(String member, int least, int most) throws Refused {
    JsonNode node = json.get(member);
    if (node == null
        || !node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < least
        || node.intValue() > most) {
      throw bad(member + " must be a whole number from " + least + " to " + most);
    }
    return node.intValue();
  }

  boolean flag(String member) throws Refused {
    JsonNode node = json.get(member);
    if (node != null && !node.isBoolean()) {
      throw bad(member + " must be true or false");
    }
    return node != null && node.booleanValue();
  }

  /** As {@link #requiredNumber}, when the member is there. */
  Optional<Integer> number(String member, int least, int most) throws Refused {
    return json.has(member) ? Optional.of(requiredNumber(member, least, most)) : Optional.empty();
  }

  /**
   * An array of different texts that a parser takes; empty when it is not there.
   *
   * @param longest in characters, each
   * @param most how many
   */
  <T> List<T> values(String member, int longest, int most, Function<String, T> parser)
      throws Refused {
    JsonNode array = json.path(member);
    if (!array.isMissingNode() && (!array.isArray() || array.size() > most)) {
      throw bad(member + " must be an array of at most " + most + " strings");
    }
    Set<T> values = new LinkedHashSet<>();
    for (JsonNode element : array) {
      if (!element.isTextual() || element.textValue().length() > longest) {
        throw bad(member + " must be an array of strings of at most " + longest + " characters");
      }
      try {
        values.add(parser.apply(element.textValue()));
      } catch (IllegalArgumentException e) {
        throw bad(member + ": " + e.getMessage());
      }
    }
    return List.copyOf(values);
  }

  static Refused bad(String detail) {
    return new Refused(Reason.BAD_CSR, detail);
  }
}
