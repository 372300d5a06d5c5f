package dev.chancery.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Mutants of a JSON object that are JSON still: members gone, added, of another type or value. */
public final class JsonMutation {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final int DEEPEST = 900;
  private static final JsonMapper ASCII =
      JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

  private final Mutation mutation;

  public JsonMutation(Mutation mutation) {
    this.mutation = mutation;
  }

  /** Another object; the given one stays as it is. */
  public ObjectNode of(ObjectNode right) {
    ObjectNode mutant = right.deepCopy();
    for (int place = mutation.places(); place > 0; place--) {
      change(mutation.one(objects(mutant, new ArrayList<>())));
    }
    return mutant;
  }

  /**
   * The object as text; sometimes with escapes, which can say what no UTF-8 can: half of a
   * surrogate pair.
   */
  public String written(ObjectNode object) {
    try {
      return mutation.oneIn(2) ? object.toString() : ASCII.writeValueAsString(object);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<ObjectNode> objects(JsonNode node, List<ObjectNode> found) {
    if (node instanceof ObjectNode object) {
      found.add(object);
    }
    node.forEach(child -> objects(child, found));
    return found;
  }

  private void change(ObjectNode object) {
    List<String> names = new ArrayList<>();
    object.fieldNames().forEachRemaining(names::add);
    if (names.isEmpty()) {
      object.set(mutation.text("added"), value());
      return;
    }
    String name = mutation.one(names);
    JsonNode value = object.get(name);
    switch (mutation.below(7)) {
      case 0 -> object.remove(name);
      case 1 -> object.set(name, value());
      case 2 -> object.set(mutation.text(name), value);
      case 3 -> object.set(name, object.get(mutation.one(names)));
      case 4 -> object.set(name, NODES.arrayNode().add(value).add(value));
      default -> object.set(name, changed(value));
    }
  }

  private JsonNode changed(JsonNode value) {
    if (value.isTextual()) {
      return NODES.textNode(mutation.text(value.textValue()));
    }
    if (value instanceof ArrayNode array && !array.isEmpty()) {
      ArrayNode changed = array.deepCopy();
      int at = mutation.below(changed.size());
      switch (mutation.below(4)) {
        case 0 -> changed.remove(at);
        case 1 -> changed.set(at, changed(changed.get(at)));
        case 2 -> changed.insert(at, value());
        default -> {
          JsonNode element = changed.get(at);
          for (int times = mutation.below(150); times > 0; times--) {
            changed.add(element);
          }
        }
      }
      return changed;
    }
    return value();
  }

  private JsonNode value() {
    return switch (mutation.below(10)) {
      case 0 -> NODES.nullNode();
      case 1 -> NODES.booleanNode(mutation.oneIn(2));
      case 2 -> NODES.numberNode(mutation.below(70_000) - 10_000);
      case 3 -> NODES.numberNode(new BigInteger(1, mutation.noise(mutation.below(40))));
      case 4 -> NODES.numberNode(mutation.oneIn(2) ? 1.5 : -1e300);
      case 5 -> NODES.objectNode();
      case 6 -> NODES.arrayNode();
      case 7 -> mutation.oneIn(20) ? deep() : NODES.objectNode().set("a", NODES.arrayNode().add(1));
      default -> NODES.textNode(mutation.text(""));
    };
  }

  private JsonNode deep() {
    JsonNode node = NODES.nullNode();
    // Jackson writes 1000 levels at most; a server that is to refuse them reads far fewer.
    for (int level = mutation.below(DEEPEST); level > 0; level--) {
      node = mutation.oneIn(2) ? NODES.arrayNode().add(node) : NODES.objectNode().set("a", node);
    }
    return node;
  }
}
