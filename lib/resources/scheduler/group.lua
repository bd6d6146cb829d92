--- scheduler.group: a group of schedules, which carries the tags that schedules cannot have.
local resource = require "resources"

return resource {
  type = "scheduler.group",
  about = "A group of EventBridge Scheduler's schedules",
  model = "create_schedule_group", key = "Name", without = {"ClientToken"},
  arns = "^arn:[^:]+:scheduler:[^:]*:%d+:schedule%-group/(.+)$",
  provides = {"arn"},
  absent = {"ResourceNotFoundException"},

  read = function(aws, want)
    local group = aws.scheduler:get_schedule_group {Name = want.name}
    if group.State == "DELETING" then return nil end
    return {name = group.Name, arn = group.Arn, Tags = aws.tags(group.Arn, function()
      return resource.tag_map(aws.scheduler:list_tags_for_resource {ResourceArn = group.Arn}.Tags)
    end)}
  end,

  all = function(aws)
    local out = {}
    for group in aws.scheduler:items("list_schedule_groups", {}) do
      if group.Name ~= "default" then out[#out + 1] = {name = group.Name} end
    end
    return out
  end,

  create = function(aws, want)
    return {arn = aws.scheduler:create_schedule_group {Name = want.name, Tags = resource.tag_list(want.Tags)}
      .ScheduleGroupArn}
  end,

  update = function(aws, live, want)
    resource.retag(aws.scheduler, {ResourceArn = live.arn}, live, want)
  end,

  -- AWS deletes the schedules of a group along with it.
  protected = function(live)
    return live.name == "default" and "the default group of the account cannot be deleted" or nil
  end,
  delete = function(aws, live) aws.scheduler:delete_schedule_group {Name = live.name} end,
}
