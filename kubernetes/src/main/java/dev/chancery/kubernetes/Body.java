package dev.chancery.kubernetes;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Upload;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The JSON object that a request carries, whatever its Content-Type. Clients write numbers and
 * truths as strings, lists with commas between, and send more than is read here; all that is
 * accepted, and nothing that could be read in two ways.
 */
final class Body {
  /** The longest body that is read, in octets: a CSR of the longest kind in PEM fits in. */
  static final int LONGEST = 128 * 1024;

  private static final int DEEPEST = 8;
  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(DEEPEST)
                          .maxNumberLength(20)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final ObjectNode json;

  private Body(ObjectNode json) {
    this.json = json;
  }

  static Body of(Context context) throws VaultProblem, IOException {
    try {
      return parse(Upload.read(context.req().getInputStream(), LONGEST));
    } catch (Upload.TooLong e) {
      throw VaultProblem.tooLarge(String.valueOf(e.getMessage()));
    } catch (Upload.TooSlow e) {
      throw VaultProblem.tooSlow(String.valueOf(e.getMessage()));
    }
  }

  static Body parse(byte[] octets) throws VaultProblem {
    if (octets.length == 0) {
      return new Body(MAPPER.createObjectNode());
    }
    try {
      // Decoded here because Jackson would also take UTF-16 and UTF-32.
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets)).toString();
      JsonNode node = MAPPER.readTree(text);
      if (node instanceof ObjectNode object) {
        return new Body(object);
      }
    } catch (IOException e) {
      // Refused below.
    }
    throw VaultProblem.badRequest("the body is not one JSON object in UTF-8");
  }

  /** A text, or empty when there is none; surrounding white space is not part of it. */
  Optional<String> text(String member) throws VaultProblem {
    JsonNode node = json.path(member);
    if (node.isMissingNode() || node.isNull()) {
      return Optional.empty();
    }
    if (!node.isTextual() && !node.isIntegralNumber() && !node.isBoolean()) {
      throw VaultProblem.badRequest(member + " is not a string");
    }
    return Optional.of(node.asText().strip()).filter(text -> !text.isEmpty());
  }

  String required(String member) throws VaultProblem {
    return text(member).orElseThrow(() -> VaultProblem.badRequest("missing " + member));
  }

  /** A list, as an array or as one text with commas. */
  List<String> list(String member) throws VaultProblem {
    JsonNode node = json.path(member);
    List<String> values = new ArrayList<>();
    if (node.isArray()) {
      for (JsonNode element : node) {
        if (!element.isTextual()) {
          throw VaultProblem.badRequest(member + " is not a list of strings");
        }
        values.add(element.textValue().strip());
      }
    } else {
      for (String part : text(member).orElse("").split(",", -1)) {
        values.add(part.strip());
      }
    }
    values.removeIf(String::isEmpty);
    return values;
  }

  boolean flag(String member) throws VaultProblem {
    String text = text(member).orElse("false");
    return switch (text) {
      case "true", "True", "TRUE", "t", "T", "1" -> true;
      case "false", "False", "FALSE", "f", "F", "0" -> false;
      default -> throw VaultProblem.badRequest(member + " is neither true nor false");
    };
  }

  /** A length of time; zero is none. */
  Optional<Duration> duration(String member) throws VaultProblem {
    Optional<String> text = text(member);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
            GoDuration.parse(text.get())
                .orElseThrow(() ->
                    VaultProblem.badRequest(
                        member + " is not a length of time such as 2160h0m0s or 86400")))
        .filter(duration -> !duration.isZero());
  }
}
