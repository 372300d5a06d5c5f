package dev.chancery.server.ceremony;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;

/**
 * A line of a transcript.
 *
 * @param number from 1 on
 * @param previous the digest of the line before it without its line end, so that no line can be
 *     changed, dropped or moved without changing all that follow
 */
record TranscriptLine(int number, String previous, Instant time, TranscriptEntry entry) {
  /** What the first line has for the digest of the line before it. */
  static final String NONE = "0".repeat(64);

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** The line's octets, without its line end. */
  byte[] octets() {
    ObjectNode json = JSON.createObjectNode();
    json.put("line", number).put("previous", previous).put("time", time.toString());
    json.setAll((ObjectNode) JSON.valueToTree(entry));
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads a line.
   *
   * @throws IllegalArgumentException when it is not exactly what {@link #octets} writes
   */
  static TranscriptLine parse(byte[] octets) {
    try {
      JsonNode json = JSON.readTree(new String(octets, StandardCharsets.UTF_8));
      if (!(json instanceof ObjectNode object)) {
        throw new IllegalArgumentException("not an object of JSON");
      }
      int number = object.path("line").asInt();
      String previous = object.path("previous").asText();
      Instant time = Instant.parse(object.path("time").asText());
      object.remove("line");
      object.remove("previous");
      object.remove("time");
      TranscriptLine line =
          new TranscriptLine(
              number, previous, time, JSON.treeToValue(object, TranscriptEntry.class));
      if (!Arrays.equals(line.octets(), octets)) {
        throw new IllegalArgumentException("not written as this program writes it");
      }
      return line;
    } catch (JsonProcessingException | DateTimeParseException e) {
      throw new IllegalArgumentException("not a line of a transcript", e);
    }
  }

  String digest() {
    return Digests.sha256(octets());
  }
}
