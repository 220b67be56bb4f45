# HTTP 接口的代码。

api-not_found = 账本上没有此项,或接口没有这个地址。
    .remedy = 核对标识;列表可查全部。
api-bad_request = 请求格式有误。
    .remedy = 详情写明了是哪个参数;说明见 /docs。
api-unknown_field = 请求含未知的字段或参数。
    .remedy = 改正拼写;可用的见 /docs。
api-too_large = 请求超过允许的大小。
    .remedy = 每次少发一些;上限见 /docs。
api-unauthorised = 读取须有凭证,而未提供或凭证有误。
    .remedy = 提供令牌(HEFU_TOKEN 或 --token-file),由节点运营者签发。
api-forbidden = 该凭证无此权限。
    .remedy = 向节点运营者索取具有此范围的令牌。
api-busy = 节点繁忙,或本客户端发送过多。
    .remedy = 按 Retry-After 等待后再试;同一交易重发无妨。
api-timeout = 未能在时限内得到终局结果。交易仍可能生效。
    .remedy = 用 "hefu tx wait" 查询,或重发同一笔交易。
api-height_in_future = 所问高度尚不存在。
    .remedy = 去掉 --at-height,或填不超过 "hefu status" 所示的高度。
api-pruned = 该节点已不保存这段历史。
    .remedy = 改问保存全部历史的节点;详情写明本节点可证明的最早高度(storage.proof_blocks)。
api-unavailable = 节点正在启动、追赶或停止。
    .remedy = 看 /readyz,稍后再试。
api-internal = 节点未能作答。
    .remedy = 看它的日志;若反复出现请报告。
