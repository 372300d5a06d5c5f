package dev.chancery.acme;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The JSON object that a signed request carries. Members are read by type: an absent or null one is
 * empty, one of another type is refused, unknown ones are ignored (RFC 8555 section 7.3 and
 * others).
 */
final class Payload {
  // OffsetDateTime reads more than RFC 3339 has: years of nine digits, times without seconds.
  private static final Pattern RFC_3339 =
      Pattern.compile(
          "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?"
              + "(Z|[+-][0-9]{2}:[0-9]{2})");

  private final ObjectNode json;

  private Payload(ObjectNode json) {
    this.json = json;
  }

  /** The payload, or nothing for POST-as-GET. */
  static Optional<Payload> parse(byte[] octets) throws AcmeProblem {
    return octets.length == 0
        ? Optional.empty()
        : Optional.of(new Payload(Json.read(octets, "the payload")));
  }

  Optional<String> text(String member) throws AcmeProblem {
    JsonNode node = present(member);
    if (node == null) {
      return Optional.empty();
    }
    if (!node.isTextual()) {
      throw wrong(member, "a string");
    }
    return Optional.of(node.textValue());
  }

  String requiredText(String member) throws AcmeProblem {
    return text(member).orElseThrow(() -> AcmeProblem.malformed(member + " is missing"));
  }

  boolean flag(String member) throws AcmeProblem {
    JsonNode node = present(member);
    if (node == null) {
      return false;
    }
    if (!node.isBoolean()) {
      throw wrong(member, "true or false");
    }
    return node.booleanValue();
  }

  Optional<Integer> integer(String member) throws AcmeProblem {
    JsonNode node = present(member);
    if (node == null) {
      return Optional.empty();
    }
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw wrong(member, "a small integer");
    }
    return Optional.of(node.intValue());
  }

  /** An RFC 3339 time, in whole seconds as certificates have them. */
  Optional<Instant> instant(String member) throws AcmeProblem {
    Optional<String> text = text(member);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      if (RFC_3339.matcher(text.get()).matches()) {
        return Optional.of(
            OffsetDateTime.parse(text.get()).toInstant().truncatedTo(ChronoUnit.SECONDS));
      }
    } catch (DateTimeException e) {
      // Refused below: the 31st of June, for example.
    }
    throw wrong(member, "an RFC 3339 time");
  }

  Optional<List<String>> texts(String member) throws AcmeProblem {
    JsonNode node = present(member);
    if (node == null) {
      return Optional.empty();
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode element : array(node, member)) {
      if (!element.isTextual()) {
        throw wrong(member, "an array of strings");
      }
      texts.add(element.textValue());
    }
    return Optional.of(texts);
  }

  Optional<ObjectNode> object(String member) throws AcmeProblem {
    JsonNode node = present(member);
    if (node == null) {
      return Optional.empty();
    }
    if (!(node instanceof ObjectNode object)) {
      throw wrong(member, "an object");
    }
    return Optional.of(object);
  }

  /** An object that must be there. */
  Payload payload(String member) throws AcmeProblem {
    return new Payload(
        object(member).orElseThrow(() -> AcmeProblem.malformed(member + " is missing")));
  }

  List<Payload> objects(String member) throws AcmeProblem {
    JsonNode node = present(member);
    if (node == null) {
      throw AcmeProblem.malformed(member + " is missing");
    }
    List<Payload> objects = new ArrayList<>();
    for (JsonNode element : array(node, member)) {
      if (!(element instanceof ObjectNode object)) {
        throw wrong(member, "an array of objects");
      }
      objects.add(new Payload(object));
    }
    return objects;
  }

  ObjectNode json() {
    return json.deepCopy();
  }

  private static JsonNode array(JsonNode node, String member) throws AcmeProblem {
    if (!node.isArray()) {
      throw wrong(member, "an array");
    }
    return node;
  }

  private @Nullable JsonNode present(String member) {
    JsonNode node = json.get(member);
    return node == null || node.isNull() ? null : node;
  }

  private static AcmeProblem wrong(String member, String expected) {
    return AcmeProblem.malformed(member + " is not " + expected);
  }
}
